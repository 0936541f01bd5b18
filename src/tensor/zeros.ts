// How much of a matrix is zero: what pruning did, and what a sparse form saves.

/** How many of values[from … to) are 0 (or −0): numbers, or patterns of bf16 or f16. */
export function countZeros(values: Float32Array | Int8Array | Uint16Array, from = 0, to = values.length): number {
  let zeros = 0;
  if (values instanceof Uint16Array) {
    for (let i = from; i < to; i++) if ((values[i] & 0x7fff) === 0) zeros++;
  } else for (let i = from; i < to; i++) if (values[i] === 0) zeros++;
  return zeros;
}
