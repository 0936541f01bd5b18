// Magnitude: |W|.

import type { Score } from './score.js';

export const magnitude: Score = {
  name: 'magnitude',
  needsActivations: false,
  score: () => ({}),
};
