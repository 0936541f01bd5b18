// Causal attention with every score of a query written out before the softmax, which real engines avoid.

import type { Backend } from '../backend.js';
import { checkAttention } from '../shapes.js';
import { elements } from './storage.js';

/** Attention of the reference backend. */
export const attention: Backend['attention'] = (y, q, k, v, shape) => {
  checkAttention(y, q, k, v, shape);
  const { heads, kvHeads, headDim, sequences, queries, keys, scale, softcap } = shape;
  const window = shape.window ?? keys;
  const [result, query, key, value] = [elements(y), elements(q), elements(k), elements(v)];
  for (let s = 0; s < sequences; s++) {
    for (let i = 0; i < queries; i++) {
      for (let h = 0; h < heads; h++) {
        const kvHead = Math.floor((h * kvHeads) / heads);
        const own = ((s * queries + i) * heads + h) * headDim;
        const keyAt = (j: number) => ((s * keys + j) * kvHeads + kvHead) * headDim;

        const position = keys - queries + i;
        const first = Math.max(0, position - window + 1);
        const scores: number[] = [];
        for (let j = first; j <= position; j++) {
          let product = 0;
          for (let d = 0; d < headDim; d++) product += query[own + d] * key[keyAt(j) + d];
          const score = product * scale;
          scores.push(softcap === null ? score : softcap * Math.tanh(score / softcap));
        }
        const shares = softmax(scores);

        for (let d = 0; d < headDim; d++) {
          let sum = 0;
          for (let j = 0; j < shares.length; j++) sum += shares[j] * value[keyAt(first + j) + d];
          result[own + d] = sum;
        }
      }
    }
  }
};

function softmax(scores: number[]): number[] {
  const largest = scores.reduce((a, b) => Math.max(a, b));
  const weights = scores.map((score) => Math.exp(score - largest));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}
