// How many rows of a matrix a unit of a linear layer has. Of many tokens the rows stay in the first cache while tokens pass by.
// Of few the rows come from memory, an eighth or a quarter of the unit being one stream (assembly/streams.ts), and a stream is
// read ahead only once it has gone on for a while: the longer, the better, up to what the second cache holds.

import { STREAMED } from './units.js';

/** Rows of a unit for many tokens, and for few where there are not enough for more. */
const ROWS = 32;
/** For few: eight streams that begin an odd number of rows apart do not meet in one place of a cache. */
const STREAM_ROWS = [248, 120, 56];
/** Bytes of a unit for few tokens, at most. */
const STREAM_BYTES = 1 << 20;
/** Units that each thread should have. */
const SHARES = 3;

/** Rows of a unit of a matrix of `rows` rows of `bytes` bytes each. */
export function rowsOfUnit(rows: number, bytes: number, tokens: number, threads: number): number {
  if (tokens >= STREAMED) return ROWS;
  return STREAM_ROWS.find((n) => n * threads * SHARES <= rows && n * bytes <= STREAM_BYTES) ?? ROWS;
}
