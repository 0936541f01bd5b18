// Sparsities of blocks as n:m patterns: a group of m inputs can only lose a whole number, so blocks are rounded against each
// other, and the model keeps the sparsity that the allocation gave it.

import { largestRemainder } from '../largest-remainder.js';

/**
 * n of the n:m pattern of each block, 0 … m − 1: m·s rounded by largest remainder (ties: the lower block first), so that
 * they add up to round(Σ m·s), or to (m − 1) for each block where that is less.
 */
export function groupCounts(sparsities: readonly number[], m: number): number[] {
  const quotas = sparsities.map((s) => m * s);
  return Array.from(largestRemainder(quotas, Math.round(quotas.reduce((sum, quota) => sum + quota, 0)), m - 1));
}
