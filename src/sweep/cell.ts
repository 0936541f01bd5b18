// The work of a sweep: measuring a model, and pruning one to measure it.

import type { EngineOptions } from '../backend/open.js';
import { NeuroalError } from '../errors.js';
import { perplexity } from '../evaluate/perplexity.js';
import { loadModel } from '../models/load-model.js';
import type { LongRunning } from '../progress.js';
import { prune } from '../prune/prune.js';
import { type EngineRecord, engineRecord, recordHead } from '../record.js';
import type { OptionValues } from './plan-options.js';
import type { CellHead, CellRecord, DenseRecord, FailedRecord, Perplexities } from './record.js';

/** What perplexity is measured on. */
export interface Evaluation {
  /** Name in results → SOURCE. */
  sources: ReadonlyMap<string, string>;
  seqLen: number | undefined;
  limit: number | undefined;
}

type RunOptions = EngineOptions & LongRunning;

/** Measures a model as it is. */
export async function measureDense(
  cell: DenseRecord['cell'],
  model: string,
  evaluation: Evaluation,
  options: RunOptions,
): Promise<DenseRecord> {
  return { ...recordHead(), cell, ...(await measured(model, evaluation, options)) };
}

/** Prunes a model into the folder `out`, replacing what is there, and measures the result. */
export async function runCell(
  cell: CellHead,
  given: OptionValues & { model: string; out: string },
  dense: Perplexities,
  evaluation: Evaluation,
  options: RunOptions,
): Promise<CellRecord> {
  const record = await prune({ ...options, ...given, force: true });
  const { perplexity } = await measured(given.out, evaluation, options);
  return { ...record, cell, perplexity, dense };
}

/** What is left of a cell that went wrong. */
export function failedRecord(cell: CellHead, error: unknown): FailedRecord {
  const code = error instanceof NeuroalError ? error.code : null;
  const message = error instanceof Error ? error.message : String(error);
  return { ...recordHead(), cell, error: { code, message } };
}

async function measured(
  folder: string,
  { sources, seqLen, limit }: Evaluation,
  options: RunOptions,
): Promise<{ engine: EngineRecord; perplexity: Perplexities }> {
  const { signal, onProgress } = options;
  const model = await loadModel(folder, options);
  try {
    const found: Perplexities = {};
    for (const [name, source] of sources)
      found[name] = await perplexity(model, source, { seqLen, limit, signal, onProgress });
    return { engine: engineRecord(model.engine), perplexity: found };
  } finally {
    await model.dispose();
  }
}
