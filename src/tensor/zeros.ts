// How much of a matrix is zero: what pruning did, and what a sparse form saves.

import { ENTRY_COLUMNS, stretchesOf } from './sparse-matrix.js';

/** How many of values[from … to) are 0 (or −0): numbers, or patterns of bf16 or f16. */
export function countZeros(values: Float32Array | Int8Array | Uint16Array, from = 0, to = values.length): number {
  let zeros = 0;
  if (values instanceof Uint16Array) {
    for (let i = from; i < to; i++) if ((values[i] & 0x7fff) === 0) zeros++;
  } else for (let i = from; i < to; i++) if (values[i] === 0) zeros++;
  return zeros;
}

/** How many there are in each row's stretches of ENTRY_COLUMNS, [rows, stretches], of values[rows, columns]. */
export function zerosOfStretches(values: Float32Array | Uint16Array, rows: number, columns: number): Int32Array {
  const stretches = stretchesOf(columns);
  return Int32Array.from({ length: rows * stretches }, (_, i) => {
    const row = Math.floor(i / stretches) * columns;
    const first = (i % stretches) * ENTRY_COLUMNS;
    return countZeros(values, row + first, row + Math.min(first + ENTRY_COLUMNS, columns));
  });
}
