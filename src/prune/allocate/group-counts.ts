// Sparsities of blocks as n:m patterns: a group of m inputs can only lose a whole number, so blocks are rounded against each
// other, and the model keeps the sparsity that the allocation gave it.

import { largestRemainder } from '../largest-remainder.js';
import { withMean } from './schedule.js';

/**
 * n of the n:m pattern of each block, 0 … m − 1: m·s rounded by largest remainder (ties: the lower block first), so that
 * they add up to `total`, or to (m − 1) for each block where that is less.
 */
export function groupCounts(sparsities: readonly number[], m: number, total: number): number[] {
  const sum = sparsities.reduce((all, s) => all + m * s, 0);
  // Where clamps have moved the sum by more than rounding does, all shares make up for it.
  const shares = Math.abs(sum - total) < 1 ? sparsities : withMean(sparsities, total / (m * sparsities.length));
  const quotas = Array.from(shares, (s) => m * s);
  return Array.from(largestRemainder(quotas, total, m - 1));
}
