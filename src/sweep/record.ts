// What a sweep leaves of each cell: the run record of `prune` with what was measured of its model, or what went wrong.

import type { ErrorCode } from '../errors.js';
import type { PerplexityResult } from '../evaluate/perplexity.js';
import type { RunRecord } from '../prune/record.js';
import type { EngineRecord } from '../record.js';
import type { CellOptions } from './grid.js';

/** By the name of the source. */
export type Perplexities = Record<string, PerplexityResult>;

export interface CellHead {
  /** Name of its file in cells/. */
  id: string;
  /** Checksum of everything that the result depends on (see `identity.ts`). */
  key: string;
  /** As the plan calls it. */
  model: string;
  options: CellOptions;
}

export interface CellRecord extends RunRecord {
  cell: CellHead;
  /** Of the pruned model. */
  perplexity: Perplexities;
  /** Of the model before. */
  dense: Perplexities;
}

export interface FailedRecord {
  schema: 1;
  version: string;
  /** ISO time. */
  created: string;
  cell: CellHead;
  /** `code` is null for what is no error of this package. */
  error: { code: ErrorCode | null; message: string };
}

/** Of a model as it is. */
export interface DenseRecord {
  schema: 1;
  version: string;
  created: string;
  cell: Omit<CellHead, 'options'>;
  engine: EngineRecord;
  perplexity: Perplexities;
}
