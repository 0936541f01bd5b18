// The two measures: squared column norms of a layer's input, and log-probabilities of given tokens.

import type { Backend } from '../backend.js';
import { checkAddColumnSquares, checkLogProbabilities } from '../shapes.js';
import { elements } from './storage.js';

type Measures = Pick<Backend, 'addColumnSquares' | 'logProbabilities'>;

/** The measures of the reference backend. */
export const measures: Measures = {
  addColumnSquares(sums, x) {
    checkAddColumnSquares(sums, x);
    const [result, input] = [elements(sums), elements(x)];
    for (let i = 0; i < x.size; i++) result[i % x.columns] += input[i] ** 2;
  },

  logProbabilities(out, logits, targets) {
    checkLogProbabilities(out, logits, targets);
    const [result, values, target, n] = [elements(out), elements(logits), elements(targets), logits.columns];
    for (let t = 0; t < logits.rowCount; t++) {
      const row = values.subarray(t * n, (t + 1) * n);
      const largest = row.reduce((a, b) => Math.max(a, b));
      const total = row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
      result[t] = row[target[t]] - largest - Math.log(total);
    }
  },
};
