// The measures: squared column norms, column sums and the Gram matrix of a layer's input, the cross matrix of two
// inputs, and log-probabilities of given tokens.

import type { Backend } from '../backend.js';
import {
  checkAddColumnSquares,
  checkAddColumnSums,
  checkAddCross,
  checkAddGram,
  checkLogProbabilities,
} from '../shapes.js';
import { elements } from './storage.js';

type Measures = Pick<Backend, 'addColumnSquares' | 'addColumnSums' | 'addGram' | 'addCross' | 'logProbabilities'>;

/** The measures of the reference backend. */
export const measures: Measures = {
  addColumnSquares(sums, x) {
    checkAddColumnSquares(sums, x);
    const [result, input] = [elements(sums), elements(x)];
    for (let i = 0; i < x.size; i++) result[i % x.columns] += input[i] ** 2;
  },

  addColumnSums(sums, x) {
    checkAddColumnSums(sums, x);
    const [result, input] = [elements(sums), elements(x)];
    for (let i = 0; i < x.size; i++) result[i % x.columns] += input[i];
  },

  addGram(gram, x) {
    checkAddGram(gram, x);
    const [result, input, n] = [elements(gram), elements(x), x.columns];
    for (let t = 0; t < x.rowCount; t++)
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) result[i * n + j] += input[t * n + i] * input[t * n + j];
  },

  addCross(out, a, b) {
    checkAddCross(out, a, b);
    const [result, left, right, m, n] = [elements(out), elements(a), elements(b), a.columns, b.columns];
    for (let t = 0; t < a.rowCount; t++)
      for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) result[i * n + j] += left[t * m + i] * right[t * n + j];
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
