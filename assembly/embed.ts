// Token embeddings: rows of a table, by id.

import { BF16, CONSTANTS, storeConstants, widen } from './halves';

/** Bytes of scratch memory of a thread. */
export const EMBED_SCRATCH: i32 = <i32>CONSTANTS;

/** y[t] = table[ids[t]], rows of n f32; `kind` says of what the table is (halves.ts). A unit is a token. */
export function embed(
  ids: usize, table: usize, y: usize, n: i32, kind: i32, scratch: usize, stride: usize, begin: i32, end: i32, thread: i32,
): void {
  scratch += stride * thread;
  if (kind) storeConstants(scratch);
  let bytes = <usize>n << 2, stored = kind ? bytes >> 1 : bytes;
  for (let t = <usize>begin; t < <usize>end; t++) {
    let row = table + <usize>load<u32>(ids + (t << 2)) * stored, yt = y + t * bytes;
    if (!kind) memory.copy(yt, row, bytes);
    else if (kind == BF16) widen<u16>(row, yt, n, scratch);
    else widen<i16>(row, yt, n, scratch);
  }
}
