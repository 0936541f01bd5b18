// Documents that stay in their file until they are drawn, so that a calibration on a shard of C4 (356,317 documents) holds
// only those that it looks at.

import type { LongRunning } from '../progress.js';

/** Documents in some place, by index. */
export interface Documents {
  readonly length: number;
  /** Whether `pick` goes through the whole file: then many are asked for at once. */
  readonly passes: boolean;
  /** Bytes that a document takes, about. */
  sizeOf(index: number): number;
  /**
   * The documents with these indices; the first always, of the others as many as fit into memory.
   * @throws DataError for one that is no document
   */
  pick(indices: readonly number[], options: LongRunning): Promise<Map<number, string>>;
}

/** Documents that are in memory. */
export function inMemory(documents: readonly string[]): Documents {
  return {
    length: documents.length,
    passes: false,
    sizeOf: (index) => documents[index].length,
    pick: async (indices) => new Map(indices.map((index) => [index, documents[index]])),
  };
}
