// The model that ships in the package, so that the first command needs nothing but the package.

import { fileURLToPath } from 'node:url';

/** Its folder; src/ and dist/ lie equally deep, so the path holds from both. */
export const embeddedFolder: string = fileURLToPath(new URL('../../embedded', import.meta.url));

/** What it is called where a MODEL is asked for, and no folder of that name is there. */
export const EMBEDDED = 'embedded';

/** Texts that ship with it: sampled from it for calibration, written for evaluation and seen by no training. */
export const embeddedTexts = {
  calibration: fileURLToPath(new URL('../../embedded/calibration.txt', import.meta.url)),
  evaluation: fileURLToPath(new URL('../../embedded/evaluation.txt', import.meta.url)),
};
