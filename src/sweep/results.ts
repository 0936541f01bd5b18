// What a sweep found, in one document: results.json, and what its tables are made from.

import type { Search } from '../prune/record.js';
import { recordHead } from '../record.js';
import type { CellOptions, Refused } from './grid.js';
import type { CellHead, CellRecord, FailedRecord, Perplexities } from './record.js';

export type CellState = 'done' | 'failed' | 'pending';

/** One cell. What was not measured is null. */
export interface CellResult {
  /** Its record is cells/ID.json. Of a model that a dry run did not find in the cache it will be another. */
  id: string;
  /** What tells it from the other cells, for people. */
  name: string;
  state: CellState;
  model: string;
  options: CellOptions;
  /** Share of the weights that is zero. */
  achieved: number | null;
  lambda: Search['lambda'] | null;
  perplexity: Perplexities | null;
  /** That pruning took. */
  seconds: number | null;
  error: string | null;
}

export interface SweepResults {
  schema: 1;
  version: string;
  created: string;
  evaluation: { sources: { name: string; source: string }[]; seqLen: number | null; limit: number | null };
  /** The models as they are; null before that was measured. */
  dense: { model: string; perplexity: Perplexities | null }[];
  cells: readonly CellResult[];
  /** Combinations left out, of a plan with `skipRefused`. */
  refused: readonly Refused[];
}

/** The document, from its parts. */
export function sweepResults(parts: Omit<SweepResults, 'schema' | 'version' | 'created'>): SweepResults {
  return { ...recordHead(), ...parts };
}

/** The result of a cell from its record, or of one without. */
export function cellResult(
  { head, name }: { head: CellHead; name: string },
  record: CellRecord | FailedRecord | undefined,
): CellResult {
  const { id, model, options } = head;
  const measured = record && !('error' in record) ? record : undefined;
  const error = record && 'error' in record ? record.error.message : null;
  return {
    id,
    name,
    state: measured ? 'done' : error === null ? 'pending' : 'failed',
    model,
    options,
    achieved: measured?.sparsity.achieved ?? null,
    lambda: measured?.search?.lambda ?? null,
    perplexity: measured?.perplexity ?? null,
    seconds: measured?.seconds.total ?? null,
    error,
  };
}

/** The perplexity on a source, or null. JSON has no infinity, so it comes from what it is the exponential of. */
export function perplexityOf(measured: Perplexities | null, source: string): number | null {
  const result = measured?.[source];
  return result ? Math.exp(result.nll) : null;
}
