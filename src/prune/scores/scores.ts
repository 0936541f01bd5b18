// The registry of scores: a name of `--method` to its definition.

import { magnitude } from './magnitude.js';
import type { Score } from './score.js';
import { wanda } from './wanda.js';

export const scores = { magnitude, wanda } satisfies Record<string, Score>;

export type Method = keyof typeof scores;
