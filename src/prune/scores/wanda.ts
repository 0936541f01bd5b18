// Wanda (arXiv 2306.11695): |W| times the norm of the input that the weight multiplies.

import type { Score } from './score.js';

export const wanda: Score = {
  name: 'wanda',
  needsActivations: true,
  score: ({ activations }) => ({ column: activations }),
};
