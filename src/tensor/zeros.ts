// How much of a matrix is zero: what pruning did, and what a sparse form saves.

import { ENTRY_COLUMNS, entryBlocks } from './sparse-matrix.js';

/** How many of values[from … to) are 0 (or −0): numbers, or patterns of bf16 or f16. */
export function countZeros(values: Float32Array | Int8Array | Uint16Array, from = 0, to = values.length): number {
  let zeros = 0;
  if (values instanceof Uint16Array) {
    for (let i = from; i < to; i++) if ((values[i] & 0x7fff) === 0) zeros++;
  } else for (let i = from; i < to; i++) if (values[i] === 0) zeros++;
  return zeros;
}

/** How many there are in each row's blocks of ENTRY_COLUMNS, [rows, blocks], of values[rows, columns]. */
export function zerosOfBlocks(values: Float32Array | Uint16Array, rows: number, columns: number): Int32Array {
  const blocks = entryBlocks(columns);
  return Int32Array.from({ length: rows * blocks }, (_, i) => {
    const row = Math.floor(i / blocks) * columns;
    const first = (i % blocks) * ENTRY_COLUMNS;
    return countZeros(values, row + first, row + Math.min(first + ENTRY_COLUMNS, columns));
  });
}
