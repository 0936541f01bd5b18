// The sparsity that was asked for, from folder to folder: exact rounding meets it in every layer and in the whole model, under
// every allocation and where schedules are clamped, and n:m masks meet that of their pattern. DSnoT is left out: a swap of
// the published method can meet a weight that is kept already.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../../test/checkpoint-fixture.js';
import { tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../../test/golden/tiny-llama.js';
import { inspect } from '../../models/inspect.js';
import type { Rounding } from '../masks.js';
import { choices, type PruneOptions } from '../options.js';
import { prune } from '../prune.js';

const config = { ...tinyConfig, num_hidden_layers: 4 };
/** SparseGPT takes 136 inputs in two parts. */
const wideConfig = { ...config, intermediate_size: 136 };

let folder: string;
let wide: string;
let home: string;
beforeAll(async () => {
  folder = await tinyFolder(config, tinyTensors(config, 35));
  wide = await tinyFolder(wideConfig, tinyTensors(wideConfig, 31));
  home = await folderWith({ 'windows.json': JSON.stringify(tinyWindows(3, 12)) });
});
afterAll(() => Promise.all([folder, wide, home].map(removeFolder)));

/** The record of a run, and the zeros of each layer as the written folder has them. */
async function run(options: Partial<PruneOptions>) {
  const out = join(home, 'out');
  const calibration = join(home, 'windows.json');
  const record = await prune({ model: folder, out, calibration, force: true, threads: 1, ...options });
  return { record, zeros: (await inspect(out)).layers.map((layer) => layer.zeros) };
}

const topUps = choices.topUp.filter((topUp) => topUp !== 'dsnot');
const methods = ['wanda', 'sparsegpt', 'admm'] as const;
const runs = topUps.flatMap((topUp) =>
  methods.flatMap((method) => [0.5, 0.9].map((sparsity) => ({ topUp, method, sparsity }))),
);

describe('exact rounding', () => {
  it.each(runs)('$topUp, $method, $sparsity', async (options) => {
    const { record, zeros } = await run({
      ...options,
      rounding: 'exact',
      model: options.method === 'sparsegpt' ? wide : folder,
    });
    const { layers, sparsity } = record;
    expect(zeros).toEqual(layers.map(({ rows, cols, target }) => Math.round(rows * cols * target)));
    // What rounding can add up to: half a weight a layer.
    const missed = sparsity.zeros - options.sparsity * sparsity.weights;
    expect(Math.abs(missed)).toBeLessThanOrEqual(layers.length / 2);
    expect(zeros.reduce((a, b) => a + b)).toBe(sparsity.zeros);
  });

  it.each<Partial<PruneOptions>>([
    { topUp: 'neuroal', method: 'admm', sparsity: 0.98 },
    { topUp: 'alpha', sparsity: 0.9 },
    { topUp: 'owl', sparsity: 0.95 },
  ])('makes up for what clamps take: %o', async (options) => {
    const s = options.sparsity as number;
    const targets = async (rounding: Rounding) => {
      const { record } = await run({ ...options, rounding });
      return [0, 1, 2, 3].map((b) => record.layers[7 * b].target);
    };
    const mean = (shares: number[]) => shares.reduce((a, b) => a + b) / 4;
    const published = await targets('published');
    expect(Math.max(...published)).toBe(0.99);
    expect(mean(published)).toBeLessThan(s - 1e-4);
    expect(mean(await targets('exact'))).toBeCloseTo(s, 9);
  });
});

describe('patterns', () => {
  const ends = (['neuroal', 'owl'] as const).flatMap((topUp) => ['1:8', '7:8'].map((pattern) => ({ topUp, pattern })));
  it.each(ends)('$topUp, $pattern', async ({ topUp, pattern }) => {
    const { record, zeros } = await run({ topUp, pattern });
    const [n] = pattern.split(':').map(Number);
    expect(record.sparsity.achieved).toBe(n / 8);
    expect(zeros).toEqual(record.layers.map(({ rows, cols, target }) => rows * cols * target));
    const counts = record.layers.map(({ target }) => 8 * target);
    expect(counts.every((count) => Number.isInteger(count) && count >= 0 && count <= 7)).toBe(true);
    expect(counts.reduce((a, b) => a + b)).toBe(n * counts.length);
  });
});
