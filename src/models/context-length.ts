// How long a window may be: the model's own context, and by default no more than the papers use.

import { DataError, UsageError } from '../errors.js';
import type { ModelConfig } from './graph.js';

/** Windows longer than this are not cut unless asked for, as in the papers. */
const LONGEST_DEFAULT = 2048;

/** Tokens of a window where nobody asked for a length. */
export function defaultSeqLen({ max_position_embeddings }: ModelConfig): number {
  return Math.min(max_position_embeddings, LONGEST_DEFAULT);
}

/** @throws UsageError for a length that was asked for and that the model does not take. */
export function checkSeqLen({ longest_sequence: most }: ModelConfig, seqLen: number | undefined): void {
  if (seqLen !== undefined && !(Number.isInteger(seqLen) && seqLen >= 2 && seqLen <= most))
    throw new UsageError(`expected a seq-len from 2 to ${most} (the model's context), got ${seqLen}`);
}

/** @throws DataError for given token windows that the model does not take. */
export function checkWindowLengths(
  { longest_sequence: most }: ModelConfig,
  windows: readonly ArrayLike<number>[],
  where: string,
): void {
  const at = windows.findIndex((window) => window.length > most);
  if (at >= 0)
    throw new DataError({
      expected: `windows of at most ${most} tokens (the model's context)`,
      got: `${windows[at].length} in window ${at}`,
      where,
    });
}
