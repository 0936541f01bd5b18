// The cells of a plan made ready to run: models and sources found, and for each cell the key that says whether a record of
// it can be used again.

import { basename } from 'node:path';
import type { EngineOptions } from '../backend/open.js';
import { namesOf, type Use } from '../data/source.js';
import type { LongRunning } from '../progress.js';
import { version } from '../version.js';
import type { Evaluation } from './cell.js';
import { columnOf, labelOf, rowOptions } from './columns.js';
import type { Cell, CellOptions } from './grid.js';
import { keyOf } from './identity.js';
import { foundSource, modelPlace, modelPlaceOffline, sourcePlace } from './places.js';
import type { CheckedPlan } from './plan.js';
import type { OptionValues } from './plan-options.js';
import type { CellHead } from './record.js';

/** A model to measure as it is. */
export interface DenseJob {
  id: string;
  key: string;
  /** As the plan calls it. */
  model: string;
  /** Where it is. */
  place: string;
}

/** A cell to run. */
export interface Job {
  head: CellHead;
  /** What tells it from the other cells, for people. */
  name: string;
  given: OptionValues;
  /** SOURCE. */
  calibration: string;
  dense: DenseJob;
}

export interface Jobs {
  evaluation: Evaluation;
  dense: DenseJob[];
  cells: Job[];
}

interface JobOptions extends EngineOptions, LongRunning {
  /** Download nothing. */
  dryRun?: boolean | undefined;
}

/**
 * Finds everything that the cells of a plan need.
 * @throws DataError, UsageError for a source; for a model what `openCheckpoint` throws where there is none
 */
export async function jobsOf(plan: CheckedPlan, cells: readonly Cell[], options: JobOptions): Promise<Jobs> {
  const { folder, models } = plan;
  const calibrations = new Map<string, { source: string; identity: string }>();
  for (const word of new Set(cells.map(({ options }) => String(options.calibration))))
    calibrations.set(word, await found(sourcePlace(word, folder, 'calibration'), 'calibration', options));
  const { evaluation, identities } = await evaluationOf(plan, options);

  const { backend = 'wasm', deterministic = false, signal, onProgress } = options;
  const { seqLen, limit } = evaluation;
  const dense = new Map<string, DenseJob>();
  for (const model of models) {
    const find = options.dryRun === true ? modelPlaceOffline : modelPlace;
    const { place, identity } = await find(model, folder, { signal, onProgress });
    const key = keyOf({ version, backend, deterministic, identity, evaluation: { identities, seqLen, limit } });
    dense.set(model, { id: idOf([model], key), key, model, place });
  }

  const words = wording(cells);
  return {
    evaluation,
    dense: [...dense.values()],
    cells: cells.map(({ model, given, options }) => {
      const of = dense.get(model)!;
      const { source, identity } = calibrations.get(String(options.calibration))!;
      const key = keyOf({ dense: of.key, ...options, calibration: identity });
      const parts = [model, ...words(options)];
      const head = { id: idOf(parts, key), key, model, options };
      return { head, name: parts.join(', '), given, calibration: source, dense: of };
    }),
  };
}

async function evaluationOf({ evaluation: { sources, seqLen, limit }, folder }: CheckedPlan, options: JobOptions) {
  const names = namesOf(sources.map((word) => sourcePlace(word, folder, 'evaluation')));
  const identities: [name: string, identity: string][] = [];
  for (const [source, name] of names) identities.push([name, (await found(source, 'evaluation', options)).identity]);
  const evaluation: Evaluation = { sources: new Map(Array.from(names, ([s, name]) => [name, s])), seqLen, limit };
  return { evaluation, identities };
}

/** A source that can be read, and its identity. */
async function found(source: string, use: Use, { dryRun = false, signal, onProgress }: JobOptions) {
  return { source, identity: await foundSource(source, use, dryRun, { signal, onProgress }) };
}

/** What tells a cell of these from the others, option by option. */
function wording(cells: readonly Cell[]): (options: CellOptions) => string[] {
  const rows = rowOptions(cells);
  const seeds = new Set(cells.map(({ options }) => options.seed)).size;
  return (options) => [
    ...rows.filter((option) => options[option] !== null).map((option) => labelOf(option, options)),
    columnOf(options),
    ...(seeds > 1 ? [`seed ${options.seed}`] : []),
  ];
}

/** A name for a file: readable, of letters that every disk takes, and with the key never that of something else. */
function idOf(parts: readonly string[], key: string): string {
  const words = parts.map((part) =>
    basename(part)
      .replace(/[^\w.]+/g, '_')
      .replace(/^[_.]+|[_.]+$/g, '')
      .slice(-32),
  );
  return [...words, key.slice(0, 12)].join('-').slice(-150);
}
