// DSnoT (arXiv 2310.08915; §10 of the algorithms page): a mask is mended without training. In each row, pruned weights come
// back and kept ones go, pair by pair, until the expected output is what it was before pruning.

import { SwapOrders } from './swap-orders.js';

/** Of the inputs of a layer, one number for each column (§3). */
export interface InputMoments {
  /** a: root of the mean squared norm. */
  activations: Float32Array;
  /** μ: mean over the sequences of the sum over a sequence. */
  mean: Float64Array;
  /** Variance inside a sequence, ≥ 0. */
  variance: Float64Array;
}

export interface SwapLimits {
  /** Most swaps of a row. */
  cycles?: number;
  /** A row whose error is at most this (≥ 0) is left alone. */
  threshold?: number;
  /** The test of the paper that the published top-up leaves out: no swap may turn the sign of the error. */
  sameSign?: boolean;
}

/**
 * Swaps kept and pruned weights in the rows of W[rows, columns].
 *
 * Contributions E = W·μ, and what the orders compare, are f32 as published. The error of a row starts as the sum of E over its
 * pruned weights, rounded to f32 (PyTorch's own sum depends on the width of the machine's vectors), and goes on in f64.
 * @param kept 1 = kept, [rows, columns], changed in place
 */
export function dsnot(
  kept: Uint8Array,
  weight: Float32Array,
  { activations, mean, variance }: InputMoments,
  rows: number,
  columns: number,
  { cycles = 50, threshold = 0.1, sameSign = false }: SwapLimits = {},
): void {
  const means = Float32Array.from(mean);
  const variances = Float32Array.from(variance);
  const contributions = new Float32Array(columns);
  const orders = new SwapOrders(columns, cycles);
  for (let r = 0; r < rows; r++) {
    const row = weight.subarray(r * columns, (r + 1) * columns);
    const mask = kept.subarray(r * columns, (r + 1) * columns);
    let sum = 0;
    for (let c = 0; c < columns; c++) {
      contributions[c] = row[c] * means[c];
      sum += mask[c] ? 0 : contributions[c];
    }
    let error = Math.fround(sum);
    if (!(Math.abs(error) > threshold)) continue;
    const regrow = orders.regrow(mask, contributions, variances);
    const prune = orders.prune(mask, contributions, row, activations);
    // Swaps so far of an error above and below 0: places in both orders, whose ends they take in turn.
    let [above, below] = [0, 0];
    for (let cycle = 0; cycle < cycles && Math.abs(error) > threshold; cycle++) {
      // A cursor that has run out stops the row, even if this swap would use the other one; kept columns run out first.
      if (Math.max(above, below) === prune.first.length) break;
      const isAbove = error > 0;
      const grown = isAbove ? regrow.last[above] : regrow.first[below];
      const pruned = isAbove ? prune.first[above++] : prune.last[below++];
      const next = error + (contributions[pruned] - contributions[grown]);
      if (sameSign && Math.sign(next) === -Math.sign(error)) break;
      mask[pruned] = 0;
      mask[grown] = 1;
      error = next;
    }
  }
}
