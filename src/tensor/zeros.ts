// How much of a matrix is zero: what pruning did, and what a sparse form saves.

/** How many values are 0 (or −0): numbers, or patterns of bf16 or f16. */
export function countZeros(values: Float32Array | Int8Array | Uint16Array): number {
  let zeros = 0;
  if (values instanceof Uint16Array) {
    for (const value of values) if ((value & 0x7fff) === 0) zeros++;
  } else for (const value of values) if (value === 0) zeros++;
  return zeros;
}
