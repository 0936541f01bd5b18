// How many rows of a matrix a unit of a linear layer has. Of many tokens the rows stay in the first cache while tokens pass by.
// Of few the rows come from memory, an eighth or a quarter of the unit being one stream (assembly/streams.ts), and a stream is
// read ahead only once it has gone on for a while: units are as large as they can be with as many of them for each thread.

import { STREAMED } from './units.js';

/** Rows of a unit for many tokens; for few there are not less. */
const ROWS = 32;
/** Rows and bytes of a unit for few tokens, at most: longer streams are no faster, and wider rows are slower. */
const STREAM_ROWS = 248;
const STREAM_BYTES = 1 << 20;
/** Units that each of several threads should have at least. */
const SHARES = 3;
/** Streams that begin so many bytes apart, or times that, meet in one place of the first cache. */
const ALIAS = 4096;

/** Rows of a unit, of a matrix of `rows` rows of `bytes` bytes each. */
export function rowsOfUnit(rows: number, bytes: number, tokens: number, threads: number): number {
  if (tokens >= STREAMED) return ROWS;
  const most = Math.min(STREAM_ROWS, Math.floor(STREAM_BYTES / bytes));
  const shares = threads === 1 ? 1 : Math.max(SHARES, Math.ceil(rows / (threads * most)));
  const eighth = Math.ceil(Math.min(most, rows / (threads * shares)) / 8);
  const met = bytes % ALIAS !== 0 && (eighth * bytes) % ALIAS === 0;
  return Math.max(ROWS, 8 * (met ? eighth + 1 : eighth));
}
