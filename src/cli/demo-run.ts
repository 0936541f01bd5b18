// The measurements of `neuroal demo`. The pruned models live in a temporary folder that is removed at the end, whatever
// happens.

import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineOptions } from '../backend/open.js';
import { embeddedFolder, embeddedTexts } from '../checkpoint/embedded.js';
import { type PerplexityResult, perplexity } from '../evaluate/perplexity.js';
import { generate } from '../generate/generate.js';
import { measureSpeed, median } from '../generate/speed.js';
import { loadModel } from '../models/load-model.js';
import type { Model } from '../models/model.js';
import type { LongRunning } from '../progress.js';
import type { PruneOptions } from '../prune/options.js';
import { prune } from '../prune/prune.js';
import type { RunRecord } from '../prune/record.js';
import { type EngineRecord, engineRecord, recordHead } from '../record.js';
import { secondsSince } from './figures.js';

/** Enough windows for stable figures, few enough for half a minute. */
const calibration = { calibration: embeddedTexts.calibration, samples: 16, searchSamples: 8, seqLen: 256 };
const evaluation = { seqLen: 256, limit: 40 };
const prompt = 'Once upon a time';

/** How the model is pruned: Wanda's scores under two allocations, and weights fitted to the dense model's outputs. */
const prunings = {
  uniform: { topUp: 'uniform' },
  NeuroAL: { topUp: 'neuroal' },
  ADMM: { method: 'admm', topUp: 'uniform', targets: 'dense' },
} as const satisfies Record<string, Partial<PruneOptions>>;

/** What was measured of one of the models. */
export interface DemoRow {
  name: 'dense' | keyof typeof prunings;
  perplexity: number;
  /** Achieved in the blocks' linear layers. */
  sparsity: number;
  lambda: { block: number | null; row: number | null } | null;
  /** Of the whole pruning run. */
  seconds: number | null;
  bytes: number;
  /** While decoding. */
  tokensPerSecond: number;
}

/** The JSON document of the command. */
export interface DemoResult {
  schema: 1;
  version: string;
  model: RunRecord['model'];
  calibration: RunRecord['calibration'];
  evaluation: Omit<PerplexityResult, 'perplexity' | 'nll'>;
  rows: DemoRow[];
  samples: { name: DemoRow['name']; prompt: string; text: string }[];
  engine: EngineRecord;
  seconds: { total: number };
}

export interface DemoOptions extends EngineOptions, LongRunning {
  sparsity: number;
  /** Called as soon as a perplexity is known. */
  onPerplexity: (name: DemoRow['name'], perplexity: number) => void;
}

/** Rounds of the speed measurement. Every round takes each model in turn, so that a change of the machine's pace hits all alike. */
const ROUNDS = 9;

/** Measures the dense model, prunes it in each way, and measures what comes out. */
export async function runDemo({ sparsity, onPerplexity, ...options }: DemoOptions): Promise<DemoResult> {
  const started = performance.now();
  const { signal } = options;
  const rows: DemoRow[] = [];
  const samples: DemoResult['samples'] = [];
  const models: Model[] = [];
  const measure = async (name: DemoRow['name'], folder: string, record: RunRecord | null) => {
    const model = await loadModel(folder, options);
    models.push(model);
    const { perplexity: value, nll: _, ...used } = await perplexity(model, undefined, { ...evaluation, ...options });
    onPerplexity(name, value);
    const { text } = await generate(model, prompt, { temperature: 0, maxTokens: 60, signal });
    samples.push({ name, prompt, text });
    rows.push({
      name,
      perplexity: value,
      sparsity: record?.sparsity.achieved ?? 0,
      lambda: record?.search?.lambda ?? null,
      seconds: record?.seconds.total ?? null,
      bytes: model.bytes,
      tokensPerSecond: 0,
    });
    return used;
  };

  const folder = await mkdtemp(join(tmpdir(), 'neuroal-demo-'));
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  // A second Ctrl-C ends the process without a word to the `finally` below.
  process.on('exit', remove);
  try {
    const used = await measure('dense', embeddedFolder, null);
    const records: RunRecord[] = [];
    for (const name of Object.keys(prunings) as (keyof typeof prunings)[]) {
      const out = join(folder, name);
      const record = await prune({ ...options, ...calibration, ...prunings[name], sparsity, out, format: 'sparse' });
      await measure(name, out, record);
      records.push(record);
    }
    const [record] = records;
    const speeds = await decodingSpeeds(models, signal);
    for (const [i, row] of rows.entries()) row.tokensPerSecond = speeds[i];
    return {
      schema: 1,
      version: recordHead().version,
      model: record.model,
      calibration: record.calibration,
      evaluation: used,
      rows,
      samples,
      engine: engineRecord(models[0].engine),
      seconds: { total: secondsSince(started) },
    };
  } finally {
    for (const model of models) await model.dispose();
    process.off('exit', remove);
    remove();
  }
}

/** Tokens per second of each model while decoding: medians over rounds. */
async function decodingSpeeds(models: readonly Model[], signal: AbortSignal | undefined): Promise<number[]> {
  const measured = models.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, model] of models.entries()) {
      const { decode } = await measureSpeed(model, { promptTokens: 64, newTokens: 64, runs: 1, signal });
      measured[i].push(decode.tokensPerSecond);
    }
  return measured.map(median);
}
