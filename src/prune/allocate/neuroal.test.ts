// The NeuroAL schedules by what the paper says of them, and the whole search on a tiny model against a second one in
// plain loops that shares no code with it: every candidate, both λ's, every row's target.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backends } from '../../../test/backends.js';
import { removeFolder } from '../../../test/checkpoint-fixture.js';
import { type PlainAlignment, plainAlignment } from '../../../test/golden/plain-llama.js';
import { tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../../test/golden/tiny-llama.js';
import { contextOf } from '../../../test/prune-context.js';
import type { Backend } from '../../backend/backend.js';
import type { Progress } from '../../progress.js';
import type { Target } from '../allocation.js';
import type { PruneOptions, Step } from '../options.js';
import { blockSchedule, neuroal, rowSchedule } from './neuroal.js';

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

describe('blockSchedule', () => {
  it('is a line from s − λ to s + λ', () => {
    expect(blockSchedule(5, 0.6, 0.2)).toBeAllClose([0.4, 0.5, 0.6, 0.7, 0.8], 1e-12, 0);
    expect(blockSchedule(2, 0.5, 0.01)).toBeAllClose([0.49, 0.51], 1e-12, 0);
  });

  it('has mean s and rises, for any number of blocks', () => {
    const inside = fc.tuple(fc.integer({ min: 2, max: 200 }), fc.double({ min: 0.3, max: 0.7, noNaN: true }));
    fc.assert(
      fc.property(inside, fc.double({ min: 0, max: 0.25, noNaN: true }), ([blocks, s], lambda) => {
        const schedule = blockSchedule(blocks, s, lambda);
        expect(schedule).toHaveLength(blocks);
        expect(mean(schedule)).toBeCloseTo(s, 10);
        expect(schedule).toEqual([...schedule].sort((a, b) => a - b));
        expect(schedule[0]).toBeCloseTo(s - lambda, 10);
        expect(schedule[blocks - 1]).toBeCloseTo(s + lambda, 10);
      }),
    );
  });

  it('with λ = 0 is s, bit for bit where 1 − (1 − s) is', () => {
    expect(blockSchedule(4, 0.5, 0)).toEqual([0.5, 0.5, 0.5, 0.5]);
  });

  it('stays inside (0, 1)', () => {
    expect(blockSchedule(3, 0.95, 0.2)).toBeAllClose([0.75, 0.95, 0.99], 1e-12, 0);
    expect(blockSchedule(3, 0.1, 0.25)).toBeAllClose([0.01, 0.1, 0.35], 1e-12, 0);
    // Only what leaves the interval is moved: 0.995 is above the 0.99 that a 1.05 becomes.
    expect(blockSchedule(3, 0.95, 0.045)[2]).toBeCloseTo(0.995, 12);
  });

  it('of one block is s', () => {
    expect(blockSchedule(1, 0.7, 0.25)).toEqual([0.7]);
  });
});

describe('rowSchedule', () => {
  it('of a worked example', () => {
    // δ scaled to [0, 0.4], mean 0.2: the row that lost most keeps 0.2 more than the average, the other 0.2 less.
    expect(rowSchedule(3, 0.5, Float32Array.of(-1, 3, 1), 0.2)).toBeAllClose([0.7, 0.3, 0.5], 1e-12, 0);
  });

  const rows = fc
    .array(fc.float({ min: -10, max: 10, noNaN: true }), { minLength: 2, maxLength: 300 })
    .filter((d) => new Set(d).size > 1 && d.reduce((a, b) => a + b, 0) !== 0);

  it('has mean s; the larger δ, the more is kept', () => {
    fc.assert(
      fc.property(rows, fc.double({ min: 0.51, max: 0.49 + 0.25, noNaN: true }), (delta, s) => {
        // λ ≤ 0.12: rows stay within ±0.24 of s, nothing is clipped.
        const schedule = rowSchedule(delta.length, s, Float32Array.from(delta), 0.12);
        expect(mean(schedule)).toBeCloseTo(s, 9);
        for (let i = 1; i < delta.length; i++)
          expect(Math.sign(schedule[i - 1] - schedule[i]) * Math.sign(delta[i - 1] - delta[i])).toBeLessThanOrEqual(0);
        expect(Math.max(...schedule) - Math.min(...schedule)).toBeCloseTo(0.24, 9);
      }),
    );
  });

  it('is clipped to [0.01, 0.99]', () => {
    const delta = Float32Array.from({ length: 100 }, (_, i) => (i === 0 ? 1 : 0));
    const schedule = rowSchedule(100, 0.2, delta, 0.25);
    expect(schedule[0]).toBe(0.01);
    expect(schedule[1]).toBeCloseTo(0.205, 12);
    expect(
      rowSchedule(
        100,
        0.9,
        delta.map((d) => -d),
        0.25,
      )[0],
    ).toBe(0.99);
  });

  it.each<[string, Float32Array | undefined]>([
    ['without δ', undefined],
    ['where δ is 0', new Float32Array(4)],
    ['where δ is the same everywhere', new Float32Array(4).fill(0.3)],
    ['where δ sums to exactly 0', Float32Array.of(1, -1, 2, -2)],
    ['where δ has another length', Float32Array.of(1, 2, 3)],
  ])('keeps s %s', (_, delta) => {
    expect(rowSchedule(4, 0.7, delta, 0.2)).toEqual(new Float64Array(4).fill(0.7));
  });
});

const blockLambdas = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.12, 0.15, 0.2, 0.25];

/** Both steps in plain loops. */
function plainSearch(tensors: ReturnType<typeof tinyTensors>, windows: number[][], s: number, step: Step) {
  const L = tinyConfig.num_hidden_layers;
  const clip = (v: number) => Math.min(0.99, Math.max(0.01, v));
  const least = (all: PlainAlignment[]) =>
    all.map((a) => a.misalignment).indexOf(Math.min(...all.map((a) => a.misalignment)));
  const byBlock = step === 'row' ? [0] : blockLambdas;
  const line = (lambda: number, b: number) => clip(s - lambda + (2 * lambda * b) / (L - 1));
  const blocks = byBlock.map((lambda) =>
    plainAlignment(tensors, tinyConfig, windows, {
      sparsity: (b) => line(lambda, b),
      removed: (columns, sparsity) => Math.floor(columns * sparsity),
    }),
  );
  const block = least(blocks);
  const feeds: Record<string, string> = {
    'self_attn.q_proj': 'self_attn.o_proj',
    'self_attn.k_proj': 'self_attn.o_proj',
    'self_attn.v_proj': 'self_attn.o_proj',
    'self_attn.o_proj': 'mlp.gate_proj',
    'mlp.gate_proj': 'mlp.down_proj',
    'mlp.up_proj': 'mlp.down_proj',
  };
  const rowSparsity = (lambda: number) => (b: number, layer: string, row: number) => {
    const base = line(byBlock[block], b);
    if (b === L - 1 || !(layer in feeds)) return base;
    const delta = blocks[block].differences[b][feeds[layer]];
    const [low, high] = [Math.min(...delta), Math.max(...delta)];
    const g = delta.map((d) => ((d - low) / (high - low)) * 2 * lambda);
    return clip(1 - (g[row] - mean(g) + 1 - base));
  };
  const rowLambdas = [0, ...blockLambdas];
  const rows = rowLambdas.map((lambda) =>
    plainAlignment(tensors, tinyConfig, windows, {
      sparsity: rowSparsity(lambda),
      removed: (columns, sparsity) => columns - Math.trunc((1 - sparsity) * columns),
    }),
  );
  const row = least(rows);
  return {
    blockCurve: blocks.map((a) => a.misalignment),
    rowCurve: rows.map((a) => a.misalignment),
    lambda: { block: byBlock[block], row: rowLambdas[row] },
    target: rowSparsity(rowLambdas[row]),
    line: (b: number) => line(byBlock[block], b),
  };
}

describe('neuroal on a tiny model', () => {
  const tensors = tinyTensors(tinyConfig, 11);
  const windows = tinyWindows(3, 10);
  // Not near a whole number of weights of any row, so that f32 and f64 truncate alike.
  const s = 0.5731;
  let folder: string;
  beforeAll(async () => {
    folder = await tinyFolder(tinyConfig, tensors);
  });
  afterAll(() => removeFolder(folder));

  async function search(
    create: () => Promise<Backend>,
    sparsity: number,
    step: Step,
    onProgress?: (p: Progress) => void,
    exhaustive = true,
  ) {
    const context = await contextOf(folder, windows, { sparsity, step, exhaustive, onProgress }, await create());
    try {
      return await neuroal(context);
    } finally {
      await context.close();
    }
  }

  describe.each(backends)('with the %s backend', (_, create) => {
    it.each<Step>(['both', 'row'])('step %s is the search in plain loops', async (step) => {
      const plain = plainSearch(tensors, windows, s, step);
      const got = await search(create, s, step);
      expect(got.search.row.map((c) => c.misalignment)).toBeAllClose(plain.rowCurve, 0, 2e-5);
      expect(got.search.row.map((c) => c.lambda)).toEqual([0, ...blockLambdas]);
      if (step === 'both') {
        expect(got.search.block.map((c) => c.misalignment)).toBeAllClose(plain.blockCurve, 0, 2e-5);
        expect(got.search.block.map((c) => c.lambda)).toEqual(blockLambdas);
        expect(got.search.lambda).toEqual(plain.lambda);
      } else {
        expect(got.search.block).toEqual([]);
        expect(got.search.lambda).toEqual({ block: null, row: plain.lambda.row });
      }
      got.allocation.forEach((block, b) => {
        for (const [name, target] of block) {
          const rows = Array.from(target as Float64Array, (_, r) => plain.target(b, name, r));
          expect(target as ArrayLike<number>).toBeAllClose(rows, 1e-4, 0);
        }
      });
    });
  });

  it('step block leaves every row of a block alike, as the plain search does', async () => {
    const plain = plainSearch(tensors, windows, s, 'both');
    const got = await search(backends[0][1], s, 'block');
    expect(got.search.lambda).toEqual({ block: plain.lambda.block, row: null });
    expect(got.search.row).toEqual([]);
    got.allocation.forEach((block, b) => {
      for (const target of block.values()) expect(target).toBeCloseTo(plain.line(b), 12);
    });
  });

  it('both steps keep the sparsity of each layer on average', async () => {
    const { allocation } = await search(backends[0][1], s, 'both');
    const targets = (b: number) => [...allocation[b].values()].map((t: Target) => mean(t as Float64Array));
    for (const b of [0, 1, 2]) for (const t of targets(b)) expect(t).toBeCloseTo(targets(b)[6], 9);
    expect(mean([0, 1, 2].map((b) => targets(b)[0]))).toBeCloseTo(s, 9);
  });

  it('leaves λ = 0.25 out of the block step from 80 % on, and not before', async () => {
    const lambdas = async (sparsity: number) =>
      (await search(backends[0][1], sparsity, 'block')).search.block.map(({ lambda }) => lambda);
    expect(await lambdas(0.8)).toEqual(blockLambdas.slice(0, -1));
    expect(await lambdas(0.79)).toEqual(blockLambdas);
  });

  it('reports every block of every candidate, and counts them in its record', async () => {
    const seen: Progress[] = [];
    const { search: record } = await search(backends[0][1], 0.5, 'both', (p) => seen.push(p));
    expect(seen.map(({ done }) => done)).toEqual(Array.from({ length: 29 * 3 }, (_, i) => i + 1));
    expect(new Set(seen.map(({ phase, total, note }) => `${phase} ${total} ${note}`))).toEqual(
      new Set(['search 87 block step', 'search 87 row step']),
    );
    expect(record.blockPasses).toEqual({ run: 87, exhaustive: 87 });
    expect([...record.block, ...record.row].every(({ blocks, complete }) => blocks === 3 && complete)).toBe(true);
  });

  it('with early stopping finds what the exhaustive search finds, and says how many passes it took', async () => {
    const seen: Progress[] = [];
    const all = await search(backends[0][1], s, 'both');
    const stopped = await search(backends[0][1], s, 'both', (p) => seen.push(p), false);
    expect(stopped.allocation).toEqual(all.allocation);
    expect(stopped.search.lambda).toEqual(all.search.lambda);
    const { run, exhaustive } = stopped.search.blockPasses;
    expect([run <= exhaustive, exhaustive]).toEqual([true, 87]);
    expect([...stopped.search.block, ...stopped.search.row].reduce((sum, c) => sum + c.blocks, 0)).toBe(run);
    expect(seen.at(-1)).toEqual({ phase: 'search', done: 87, total: 87, note: 'row step' });
    for (const step of ['block', 'row'] as const)
      for (const [i, c] of stopped.search[step].entries()) {
        expect(c.complete).toBe(c.blocks === 3);
        if (c.complete) expect(c).toEqual(all.search[step][i]);
        else expect(c.misalignment).toBeLessThanOrEqual(all.search[step][i].misalignment);
      }
  });
});

describe('grouped heads', () => {
  it('keep one sparsity for all rows of q, k and v', async () => {
    const config = { ...tinyConfig, num_key_value_heads: 1 };
    const folder = await tinyFolder(config, tinyTensors(config, 2));
    const context = await contextOf(folder, tinyWindows(2, 8), { sparsity: 0.5, step: 'row' });
    // λ = 0 on every row would hide the difference, so look at the rows' spread where λ is not 0.
    const { allocation, search: record } = await neuroal(context);
    const spread = (t: Target) => Math.max(...(t as Float64Array)) - Math.min(...(t as Float64Array));
    for (const name of ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'mlp.down_proj'])
      for (const block of allocation) expect(spread(block.get(name)!)).toBe(0);
    for (const name of ['self_attn.o_proj', 'mlp.gate_proj', 'mlp.up_proj']) {
      expect(spread(allocation[2].get(name)!)).toBe(0);
      expect(spread(allocation[0].get(name)!)).toBeCloseTo(2 * (record.lambda.row ?? 0), 9);
    }
    expect(record.lambda.row).toBeGreaterThan(0);
    await context.close();
    await removeFolder(folder);
  });
});

it('an update after the masks is not part of the search', async () => {
  const folder = await tinyFolder(tinyConfig, tinyTensors(tinyConfig, 5));
  const searched = async (options: Partial<PruneOptions>) => {
    const context = await contextOf(folder, tinyWindows(2, 8), { exhaustive: true, ...options });
    const { search } = await neuroal(context);
    await context.close();
    return [...search.block, ...search.row].map(({ misalignment }) => misalignment);
  };
  expect(await searched({ update: 'admm' })).toEqual(await searched({}));
  // Fitted weights would show: those of a method that fits them do.
  expect(await searched({ method: 'admm', topUp: 'neuroal' })).not.toEqual(await searched({ step: 'block' }));
  await removeFolder(folder);
});

describe('with n:m masks', () => {
  it('n varies over the blocks, rising, with the pattern as its mean; equal candidates are run once', async () => {
    const folder = await tinyFolder(tinyConfig, tinyTensors(tinyConfig, 4));
    const context = await contextOf(folder, tinyWindows(2, 8), { pattern: '4:8', exhaustive: true });
    expect(context.plan.step).toBe('block');
    const { allocation, search } = await neuroal(context);
    const counts = allocation.map((block) => new Set([...block.values()].map((t) => 8 * (t as number))));
    for (const block of counts) expect(block.size).toBe(1);
    const n = counts.map((block) => [...block][0]);
    expect(n.reduce((a, b) => a + b)).toBe(3 * 4);
    expect(n).toEqual([...n].sort((a, b) => a - b));
    // λ moves the ends by 8λ: they are 4 and 4 below 0.07, then 3 and 5, and 2 and 6 from 0.2 on.
    expect(search.block.map(({ lambda }) => lambda)).toEqual([0.01, 0.07, 0.2]);
    await context.close();
    await removeFolder(folder);
  });
});
