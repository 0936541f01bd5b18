// The registry of scores: a name of `--method` to its definition.

import { magnitude } from './magnitude.js';
import { multiflow } from './multiflow.js';
import type { Score } from './score.js';
import { wanda } from './wanda.js';

export const scores = { magnitude, wanda, multiflow } satisfies Record<string, Score>;
