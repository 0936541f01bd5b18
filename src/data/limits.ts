// How much of a file from anywhere becomes objects. Small files unpack to millions of tiny values, and the engine does not
// throw where memory or an array ends: it ends the program. These bounds come before.

import { DataError } from '../errors.js';
import { nodeV8 } from '../node.js';

/** Documents of a file: their places, or their texts. */
export const mostDocuments = 10_000_000;
/** Values that stay objects with parts of their own: token windows, rows of tasks. */
export const mostObjects = 2 ** 20;
let ofHeap: number | undefined;
/**
 * Bytes of JSON that are parsed as one value. `[[[…]]]` becomes 28 bytes in memory for each of its own, the most that
 * any content does; half of the heap is left for the rest.
 */
export function mostJsonBytes(): number {
  ofHeap ??= Math.min(2 ** 27, Math.floor(nodeV8().getHeapStatistics().heap_size_limit / 64));
  return ofHeap;
}
/** Bytes of a file of a task, unpacked: several times the largest split that any of them has. */
export const mostTaskBytes = 2 ** 28;
/** Groups of rows of a parquet file. */
export const mostGroups = 2 ** 16;
/** Bytes of documents that a draw keeps for later. */
export const mostBytesAhead = 2 ** 27;

/** @throws DataError where there are more than `most` */
export function checkCount(count: number, most: number, of: string, where: string): void {
  if (count > most)
    throw new DataError({ expected: `at most ${most} ${of}; give a part of the file`, got: 'more', where });
}
