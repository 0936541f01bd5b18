// Counts for `--rounding exact` (§5 of the algorithms page). The published counts are truncated row by row, and on narrow
// layers that misses the sparsity; these meet it in every layer, so that allocations can be compared at one sparsity.

import { largestRemainder } from './largest-remainder.js';

/**
 * Weights that each of `rows` rows of `columns` loses, 0 … columns: columns·s of the row, rounded by largest remainder
 * (ties: the lower row first) so that the layer loses round(Σ columns·s).
 * @param rowSparsities s of every row alike, or one for each row
 */
export function exactCounts(columns: number, rowSparsities: number | Float64Array, rows: number): Int32Array {
  if (typeof rowSparsities === 'number') {
    const quotas = new Float64Array(rows).fill(columns * rowSparsities);
    return largestRemainder(quotas, Math.round(rows * columns * rowSparsities), columns);
  }
  const quotas = rowSparsities.map((s) => columns * s);
  return largestRemainder(quotas, Math.round(quotas.reduce((sum, quota) => sum + quota, 0)), columns);
}
