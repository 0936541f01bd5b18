// The measurements of `neuroal demo`. The pruned models live in a temporary folder that is removed at the end, whatever
// happens.

import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedFolder, embeddedTexts } from '../checkpoint/embedded.js';
import { type PerplexityResult, perplexity } from '../evaluate/perplexity.js';
import { generate } from '../generate/generate.js';
import { measureSpeed } from '../generate/speed.js';
import { inspect } from '../models/inspect.js';
import { type EngineOptions, loadModel } from '../models/model.js';
import type { LongRunning } from '../progress.js';
import { prune } from '../prune/prune.js';
import { type EngineRecord, engineRecord, type RunRecord, recordHead } from '../prune/record.js';
import { secondsSince } from './figures.js';

/** Enough windows for stable figures, few enough for half a minute. */
const calibration = { calibration: embeddedTexts.calibration, samples: 16, searchSamples: 8, seqLen: 256 };
const evaluation = { seqLen: 256, limit: 40 };
const prompt = 'Once upon a time';

/** What was measured of one of the three models. */
export interface DemoRow {
  name: 'dense' | 'uniform' | 'NeuroAL';
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
  /** Called as soon as a row is known. */
  onRow: (row: DemoRow) => void;
}

/** Measures the dense model, prunes it uniformly and with NeuroAL, and measures both. */
export async function runDemo({ sparsity, onRow, ...options }: DemoOptions): Promise<DemoResult> {
  const started = performance.now();
  const rows: DemoRow[] = [];
  const samples: DemoResult['samples'] = [];
  const measure = async (name: DemoRow['name'], folder: string, record: RunRecord | null) => {
    const { bytes } = await inspect(folder, { signal: options.signal });
    const model = await loadModel(folder, options);
    try {
      const { perplexity: value, nll: _, ...used } = await perplexity(model, undefined, { ...evaluation, ...options });
      const { decode } = await measureSpeed(model, {
        promptTokens: 64,
        newTokens: 64,
        runs: 15,
        signal: options.signal,
      });
      const { text } = await generate(model, prompt, { temperature: 0, maxTokens: 60, signal: options.signal });
      const row = {
        name,
        perplexity: value,
        sparsity: record?.sparsity.achieved ?? 0,
        lambda: record?.search?.lambda ?? null,
        seconds: record?.seconds.total ?? null,
        bytes,
        tokensPerSecond: decode.tokensPerSecond,
      };
      rows.push(row);
      samples.push({ name, prompt, text });
      onRow(row);
      return { used, engine: engineRecord(model.engine) };
    } finally {
      await model.dispose();
    }
  };

  const folder = await mkdtemp(join(tmpdir(), 'neuroal-demo-'));
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  // A second Ctrl-C ends the process without a word to the `finally` below.
  process.on('exit', remove);
  try {
    const { used, engine } = await measure('dense', embeddedFolder, null);
    const pruneTo = async (name: DemoRow['name'], topUp: 'uniform' | 'neuroal') => {
      const out = join(folder, topUp);
      const record = await prune({ ...options, ...calibration, sparsity, topUp, out });
      await measure(name, out, record);
      return record;
    };
    await pruneTo('uniform', 'uniform');
    const record = await pruneTo('NeuroAL', 'neuroal');
    return {
      schema: 1,
      version: recordHead().version,
      model: record.model,
      calibration: record.calibration,
      evaluation: used,
      rows,
      samples,
      engine,
      seconds: { total: secondsSince(started) },
    };
  } finally {
    process.off('exit', remove);
    remove();
  }
}
