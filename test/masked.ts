// Dense rows as the mask and the values that a sparse file has for them.

import { compress, maskOf } from '../src/checkpoint/sparse/encode.js';
import type { Patterns } from '../src/checkpoint/sparse/patterns.js';
import type { Bitmask, MaskedValues } from '../src/tensor/bitmask.js';

export function masked<V extends MaskedValues>(
  dense: V,
  [rows, columns]: readonly number[],
): { mask: Bitmask; values: V } {
  const Kind = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[dense.BYTES_PER_ELEMENT as 1 | 2 | 4];
  const patterns: Patterns = new Kind(dense.buffer as ArrayBuffer, dense.byteOffset, dense.length);
  const stored = maskOf(patterns, rows, columns);
  const values = compress<Patterns>(patterns, columns, stored);
  const offsets = Float64Array.from([...stored.rowOffsets].map(Number).concat(stored.nonZeros));
  return {
    mask: { rows, columns, bits: stored.bitmask, offsets },
    values: new (dense.constructor as new (buffer: ArrayBufferLike) => V)(values.buffer),
  };
}

/** The values of some rows, as `Backend.compressMasked` asks for them. */
export const rowsOf =
  <V extends MaskedValues>({ mask, values }: { mask: Bitmask; values: V }) =>
  (first: number, end: number) =>
    values.subarray(mask.offsets[first], mask.offsets[end]) as V;
