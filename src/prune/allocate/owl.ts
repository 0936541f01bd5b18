// OWL (arXiv 2310.05175; §6 of the algorithms page): blocks with many outliers, weights whose product with their input's norm
// is far above the average, keep more of their weights.

import { safePoint } from '../../progress.js';
import type { Allocator } from './allocator.js';
import { clampSparsity, keptShares } from './schedule.js';

export const owl: Allocator = {
  name: 'owl',
  async allocate({ sparsity, layers, readWeight, activations, signal }) {
    const outlierShares: number[] = [];
    for await (const block of activations()) {
      const active: ActiveLayer[] = [];
      for (const { name } of layers)
        active.push({
          weight: await readWeight(outlierShares.length, name),
          activations: block.get(name) as Float32Array,
        });
      outlierShares.push(outlierShare(active));
      await safePoint(signal);
    }
    return { shares: owlSchedule(outlierShares, sparsity), evidence: { outlierShares } };
  },
};

/** A linear layer, W[rows, columns], and the activation a of each of its columns (§3). */
export interface ActiveLayer {
  weight: Float32Array;
  activations: Float32Array;
}

/**
 * Outliers of a block: the share, in percent, of the |W|·a of all its layers together that exceed `m` times their mean.
 * The products are f32, the mean f64.
 */
export function outlierShare(layers: Iterable<ActiveLayer>, m = 5): number {
  const block = [...layers];
  const size = block.reduce((sum, { weight }) => sum + weight.length, 0);
  const limit = (m * block.reduce((sum, layer) => sum + total(layer), 0)) / size;
  return (block.reduce((sum, layer) => sum + countAbove(layer, limit), 0) / size) * 100;
}

/** Sparsity of each block for the target s: the more outliers, the less; all within 2λ of each other before clamping. */
export function owlSchedule(shares: readonly number[], s: number, lambda = 0.08): number[] {
  if (shares.every((share) => share === shares[0])) return shares.map(() => s);
  return Array.from(keptShares(shares, s, lambda), (kept) => clampSparsity(1 - kept));
}

function total({ weight, activations }: ActiveLayer): number {
  const columns = activations.length;
  let sum = 0;
  for (let start = 0; start < weight.length; start += columns)
    for (let c = 0; c < columns; c++) sum += Math.fround(Math.abs(weight[start + c]) * activations[c]);
  return sum;
}

function countAbove({ weight, activations }: ActiveLayer, limit: number): number {
  const columns = activations.length;
  let count = 0;
  for (let start = 0; start < weight.length; start += columns)
    for (let c = 0; c < columns; c++) if (Math.fround(Math.abs(weight[start + c]) * activations[c]) > limit) count++;
  return count;
}
