// MULTIFLOW (arXiv 2404.05621): |W| times how much flows through the two neurons that the weight connects, the mean of
// |W|·a over the inputs of its output and over the outputs of its input.

import type { Score } from './score.js';

export const multiflow: Score = {
  name: 'multiflow',
  needsActivations: true,
  async score({ rows, columns, activations, readWeight }) {
    const weight = await readWeight();
    const a = activations as Float32Array;
    const row = new Float32Array(rows);
    const sums = new Float64Array(columns);
    for (let r = 0, i = 0; r < rows; r++) {
      let sum = 0;
      for (let c = 0; c < columns; c++, i++) {
        const flow = Math.fround(Math.abs(weight[i]) * a[c]);
        sum += flow;
        sums[c] += flow;
      }
      row[r] = sum / columns;
    }
    return { row, column: Float32Array.from(sums, (sum) => sum / rows) };
  },
};
