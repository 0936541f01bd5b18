// How many rows of a matrix a unit of a linear layer has. Of many tokens the rows stay in the first cache while tokens pass by.
// Of few the rows come from memory, four or eight of them at once, an equal stretch of the unit from each other; such a stream
// is read ahead only once it has gone on for a while. So units are large, as far as threads have equal shares of them.

import { STREAMED } from './units.js';

/** Rows of a unit for many tokens; for few there are not less. */
const ROWS = 32;
/** Rows and bytes of a larger unit, at most: longer streams are no faster, and wider rows are slower. */
const STREAM_ROWS = 248;
const STREAM_BYTES = 1 << 20;
/** Units that each of several threads should have at least. */
const SHARES = 3;
/** What the busiest of them may have more than its share. */
const UNEQUAL = 1.04;
/** Addresses so far apart, or times that, share one place of the first cache, which holds eight of them. */
const PAGE = 4096;
const WAYS = 8;

/**
 * Rows of a unit, a multiple of 8.
 * @param bytes of a row
 * @param streams rows that are read at once, of one token
 */
export function rowsOfUnit(rows: number, bytes: number, streams: 4 | 8, tokens: number, threads: number): number {
  if (tokens >= STREAMED) return ROWS;
  const most = Math.min(STREAM_ROWS, STREAM_BYTES / bytes, threads === 1 ? rows : rows / (threads * SHARES));
  let [best, least] = [ROWS, Number.POSITIVE_INFINITY];
  for (let height = Math.floor(most / 8) * 8; height >= ROWS; height -= 8) {
    const apart = (height / streams) * bytes;
    if (streams === WAYS && apart % PAGE === 0 && bytes % PAGE !== 0) continue;
    const busiest = Math.ceil(Math.ceil(rows / height) / threads) * height;
    if (threads === 1 || busiest * threads <= UNEQUAL * rows) return height;
    if (busiest < least) [best, least] = [height, busiest];
  }
  return best;
}
