// ATP: the ramps, their ends and their number; and on a tiny model that what is recorded of each is the perplexity of the
// model that it leaves, and that the least one wins.

import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../../test/checkpoint-fixture.js';
import { tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../../test/golden/tiny-llama.js';
import { contextOf } from '../../../test/prune-context.js';
import { CheckpointError } from '../../errors.js';
import { perplexity } from '../../evaluate/perplexity.js';
import { loadModel } from '../../models/load-model.js';
import type { Progress } from '../../progress.js';
import type { PruneOptions } from '../options.js';
import { prune } from '../prune.js';
import type { Allocator } from './allocator.js';
import { atp, ramps } from './atp.js';

const betas = (blocks: number, s: number) => ramps(blocks, s).map(({ beta }) => beta);

describe('ramps', () => {
  it('rise around s, by one β from block to block', () => {
    const [first, second] = ramps(3, 0.6);
    expect([first.beta, second.beta]).toEqual([0.002, 0.004]);
    expect(first.sparsities).toBeAllClose([0.598, 0.6, 0.602], 1e-15, 0);
    expect(ramps(4, 0.5)[0].sparsities).toBeAllClose([0.497, 0.499, 0.501, 0.503], 1e-15, 0);
  });

  it('end before a sparsity is 1, and with one that is 0', () => {
    // Half a span of 5.5·β: below 0.0055 + 0.3 = 1 fails from 0.056 on.
    expect(betas(12, 0.7).at(-1)).toBe(0.054);
    // 0.5 + 5·0.1 is 1; 0.3 − 3·0.1 is 0, though not in binary.
    expect(betas(11, 0.5).at(-1)).toBe(0.098);
    expect(ramps(7, 0.3).at(-1)).toMatchObject({ beta: 0.1 });
    expect(ramps(7, 0.3).at(-1)?.sparsities[0]).toBe(0);
  });

  it.each([
    [1, 0.7],
    [1000, 0.7],
    [5, 0.001],
    [8, 0],
  ])('of %i blocks at %f is flat: there is no other', (blocks, s) => {
    expect(ramps(blocks, s)).toEqual([{ beta: 0, sparsities: new Array(blocks).fill(s) }]);
  });

  it('are all that there are, each with mean s and its own step', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 120 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (blocks, s) => {
        const found = ramps(blocks, s);
        const middle = (blocks - 1) / 2;
        for (const [k, { beta, sparsities }] of found.entries()) {
          if (beta > 0) expect(String(beta)).toBe(String(Math.round(2 * (k + 1)) / 1000));
          expect(sparsities).toHaveLength(blocks);
          expect(Math.min(...sparsities)).toBeGreaterThanOrEqual(0);
          expect(Math.max(...sparsities)).toBeLessThan(1);
          expect(sparsities.reduce((a, b) => a + b) / blocks).toBeCloseTo(s, 10);
          for (let b = 1; b < blocks; b++) expect(sparsities[b] - sparsities[b - 1]).toBeCloseTo(beta, 10);
        }
        const next = found[found.length - 1].beta + 0.002;
        expect(s - next * middle < 1e-10 || s + next * middle > 1 - 1e-10).toBe(true);
      }),
    );
  });
});

interface Evidence {
  beta: number;
  data: string;
  candidates: { beta: number; perplexity: number }[];
}

describe('atp on a tiny model', () => {
  const windows = tinyWindows(3, 12);
  let folder: string;
  let home: string;
  beforeAll(async () => {
    folder = await tinyFolder(tinyConfig, tinyTensors(tinyConfig, 6));
    home = await folderWith({ 'windows.json': JSON.stringify(windows) });
  });
  afterAll(() => Promise.all([folder, home].map(removeFolder)));

  async function found(options: Partial<PruneOptions>) {
    const context = await contextOf(folder, windows, { topUp: 'atp', ...options });
    try {
      const { allocation, evidence } = await atp(context);
      return {
        shares: allocation.map((block) => [...new Set(block.values())]),
        evidence: evidence as unknown as Evidence,
      };
    } finally {
      await context.close();
    }
  }

  /** Perplexity of the windows in the model that a ramp leaves, by the way of a user. */
  async function measured(sparsities: readonly number[], options: Partial<PruneOptions>): Promise<number> {
    const topUp: Allocator = { name: 'ramp', allocate: () => ({ shares: sparsities }) };
    const [out, calibration] = ['out', 'windows.json'].map((name) => join(home, name));
    await prune({ model: folder, out, calibration, force: true, threads: 1, ...options, topUp });
    const model = await loadModel(out, { threads: 1 });
    try {
      return (await perplexity(model, calibration)).perplexity;
    } finally {
      await model.dispose();
    }
  }

  it.each<Partial<PruneOptions>>([
    { method: 'wanda', sparsity: 0.6 },
    { method: 'magnitude', sparsity: 0.6, rounding: 'exact', granularity: 'layer' },
    { method: 'sparsegpt', sparsity: 0.8 },
    { method: 'admm', sparsity: 0.9, targets: 'own' },
  ])('records the perplexities that its ramps have, and takes the least: %o', async (options) => {
    const { shares, evidence } = await found(options);
    const all = ramps(3, options.sparsity as number);
    const perplexities = evidence.candidates.map((candidate) => candidate.perplexity);
    expect(evidence.candidates.map(({ beta }) => beta)).toEqual(all.map(({ beta }) => beta));
    expect(evidence.data).toBe('calibration windows of the search');
    const best = perplexities.indexOf(Math.min(...perplexities));
    expect(evidence.beta).toBe(all[best].beta);
    expect(shares).toEqual(all[best].sparsities.map((s) => [s]));
    for (const i of [0, best, all.length - 1]) {
      const expected = await measured(all[i].sparsities, options);
      expect(Math.abs(perplexities[i] / expected - 1)).toBeLessThan(1e-4);
    }
  });

  it('takes the first of equal ramps', async () => {
    // A step of β moves a share by too little to move a weight of each row: neighbours leave the same model.
    const { evidence } = await found({ sparsity: 0.6 });
    const least = Math.min(...evidence.candidates.map((candidate) => candidate.perplexity));
    const winners = evidence.candidates.filter((candidate) => candidate.perplexity === least);
    expect(winners.length).toBeGreaterThan(1);
    expect(evidence.beta).toBe(winners[0].beta);
  });

  it('with a pattern tries only ramps that differ', async () => {
    const { shares, evidence } = await found({ pattern: '4:8' });
    // The ends are 4 ± 8β, rounded: 5, 6 and 7 from 0.5/8, 1.5/8 and 2.5/8 on; 8 of 8 is too much.
    expect(evidence.candidates.map(({ beta }) => beta)).toEqual([0.002, 0.064, 0.188, 0.314]);
    const perplexities = evidence.candidates.map((candidate) => candidate.perplexity);
    const best = perplexities.indexOf(Math.min(...perplexities));
    expect(shares).toEqual([[(4 - best) / 8], [0.5], [(4 + best) / 8]]);
    const expected = await measured(shares.flat() as number[], { pattern: '4:8' });
    expect(Math.abs(perplexities[best] / expected - 1)).toBeLessThan(1e-4);
  });

  it('reports every block of every ramp', async () => {
    const seen: Progress[] = [];
    await found({ sparsity: 0.005, onProgress: (p) => seen.push(p) });
    expect(seen).toEqual(
      [0.002, 0.002, 0.002, 0.004, 0.004, 0.004].map((beta, i) => ({
        ...{ phase: 'search', done: i + 1, total: 6, note: `ramp of ${beta}` },
      })),
    );
  });

  it('is refused where no ramp leaves finite log-probabilities', async () => {
    const tensors = tinyTensors(tinyConfig, 6);
    tensors['lm_head.weight'].values.fill(3e38);
    const wild = await tinyFolder(tinyConfig, tensors);
    const context = await contextOf(wild, windows, { topUp: 'atp', sparsity: 0.95 });
    const error = await atp(context).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as Error).message).toBe(
      `expected a ramp that leaves finite log-probabilities (or another top-up), got none, in ${wild}`,
    );
    await context.close();
    await removeFolder(wild);
  });
});
