// The model that ships in the package, so that the first command needs nothing but the package.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { embeddedPlace } from '../package-files.js';

/** Its folder. */
export const embeddedFolder: string = fileURLToPath(embeddedPlace());

/** What it is called where a MODEL is asked for, and no folder of that name is there. */
export const EMBEDDED = 'embedded';

/** Texts that ship with it: sampled from it for calibration, written for evaluation and seen by no training. */
export const embeddedTexts = {
  calibration: join(embeddedFolder, 'calibration.txt'),
  evaluation: join(embeddedFolder, 'evaluation.txt'),
};
