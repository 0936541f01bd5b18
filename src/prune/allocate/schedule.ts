// What the schedules have in common: numbers that say how much a block matters become sparsities around a target. Each
// operation stands in the order of the published code, since a count of weights is truncated from the result.

import { numpyMean, numpySum } from './numpy-mean.js';

/** Least and largest share of a block or row that schedules give. */
export const LEAST = 0.01;
export const MOST = 0.99;

/** Sparsity moved back into (0, 1) as the published code does it: only what lies outside moves, to 0.01 or 0.99. */
export function clampSparsity(s: number): number {
  return s <= 0 ? LEAST : s >= 1 ? MOST : s;
}

/**
 * Share of weights that each block keeps: its value scaled to [0, 2λ] between the least and the largest, and then all moved
 * so that their mean is 1 − s. The values must not all be equal.
 */
export function keptShares(values: readonly number[], s: number, lambda: number): Float64Array {
  const low = Math.min(...values);
  const scale = (1 / (Math.max(...values) - low)) * lambda * 2;
  const shares = Float64Array.from(values, (v) => (v - low) * scale);
  const mean = numpyMean(shares);
  return shares.map((share) => share - mean + (1 - s));
}

/**
 * Shares within [0.01, 0.99] whose mean is `mean`: those that a bound does not stop are moved by the same amount, until the
 * mean is met or all are stopped. What meets it already (to 1e-9) stays as it is.
 */
export function withMean(shares: ArrayLike<number>, mean: number): Float64Array {
  const moved = Float64Array.from(shares);
  const gap = () => mean * moved.length - numpySum(moved);
  for (let left = gap(); Math.abs(left) > 1e-9 * moved.length; left = gap()) {
    const free = [...moved.keys()].filter((i) => (left > 0 ? moved[i] < MOST : moved[i] > LEAST));
    if (free.length === 0) break;
    for (const i of free) moved[i] = Math.min(Math.max(moved[i] + left / free.length, LEAST), MOST);
  }
  return moved;
}
