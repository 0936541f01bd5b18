// Shares become whole numbers by largest remainder: everybody gets the whole part of a quota, and those with the largest
// remainders one more, until a total is met. A remainder is compared as a decimal, not to its last bit.

/** Parts of one that count. The product of 28,672 columns and a sparsity is off by up to 4e-12, and sparsities are rounded. */
const PARTS = 1e9;

/**
 * Whole numbers near `quotas` that add up to `total`, or to as much of it as `most` for each allows.
 * Equal remainders (to 1e-9): the lower index first.
 * @param quotas not negative
 * @param total the rounded sum of the quotas
 */
export function largestRemainder(quotas: ArrayLike<number>, total: number, most: number): Int32Array {
  const parts = Float64Array.from(quotas, (quota) => Math.round(quota * PARTS));
  const counts = Int32Array.from(parts, (part) => Math.min(Math.floor(part / PARTS), most));
  const remainder = (i: number) => parts[i] - counts[i] * PARTS;
  const order = Array.from(counts.keys()).sort((a, b) => remainder(b) - remainder(a) || a - b);
  let left = Math.min(total, most * counts.length) - counts.reduce((sum, n) => sum + n, 0);
  // A second round only where `most` holds some back.
  while (left > 0)
    for (const i of order) {
      if (left === 0) break;
      if (counts[i] === most) continue;
      counts[i]++;
      left--;
    }
  return counts;
}
