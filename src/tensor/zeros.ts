// How much of a matrix is zero: what pruning did, and what a sparse form saves.

/** How many values are 0 (or −0). */
export function countZeros(values: Float32Array): number {
  let zeros = 0;
  for (const v of values) if (v === 0) zeros++;
  return zeros;
}
