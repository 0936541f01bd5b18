// Token embeddings: rows of a table, by id.

import { BF16, CONSTANTS, storeConstants, widen } from './halves';

/** Bytes of scratch memory of a thread. */
export const EMBED_SCRATCH: i32 = <i32>CONSTANTS;

/** As the backend numbers the kinds of tables, after those of halves.ts. */
const INT8: i32 = 3;

/**
 * y[t] = table[ids[t]], rows of n numbers; `kind` says what they are (halves.ts), and scale[rows] is for those of int8. A unit
 * is a token.
 */
export function embed(
  ids: usize, table: usize, scale: usize, y: usize, n: i32, kind: i32, scratch: usize, stride: usize, begin: i32, end: i32, thread: i32,
): void {
  scratch += stride * thread;
  if (kind) storeConstants(scratch);
  let bytes = <usize>n << 2, stored = kind == INT8 ? <usize>n : kind ? bytes >> 1 : bytes;
  for (let t = <usize>begin; t < <usize>end; t++) {
    let id = <usize>load<u32>(ids + (t << 2)), row = table + id * stored, yt = y + t * bytes;
    if (kind == INT8) scaled(row, yt, n, load<f32>(scale + (id << 2)));
    else if (!kind) memory.copy(yt, row, bytes);
    else if (kind == BF16) widen<u16>(row, yt, n, scratch);
    else widen<i16>(row, yt, n, scratch);
  }
}

function scaled(row: usize, y: usize, n: i32, scale: f32): void {
  for (let end = row + n; row < end; row++, y += 4) store<f32>(y, <f32>load<i8>(row) * scale);
}
