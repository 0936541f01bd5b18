// An allocation of one's own: what it sees is the dense model, what it answers becomes the targets, and what it may not
// answer is refused word by word.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../../test/checkpoint-fixture.js';
import { layers, plainBlock, plainEmbed } from '../../../test/golden/plain-llama.js';
import { tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../../test/golden/tiny-llama.js';
import { contextOf } from '../../../test/prune-context.js';
import { CheckpointError, UsageError } from '../../errors.js';
import type { Progress } from '../../progress.js';
import type { PruneOptions } from '../options.js';
import { prune } from '../prune.js';
import type { Score } from '../scores/score.js';
import { findAllocation } from './allocations.js';
import type { Allocated, Allocator, DenseModel, Shares } from './allocator.js';
import { askAllocator } from './ask-allocator.js';

const tensors = tinyTensors(tinyConfig, 21);
const windows = tinyWindows(3, 10);
const names = layers.map(([name]) => name);

let folder: string;
let home: string;
beforeAll(async () => {
  folder = await tinyFolder(tinyConfig, tensors);
  home = await folderWith({ 'windows.json': JSON.stringify(windows) });
});
afterAll(() => Promise.all([folder, home].map(removeFolder)));

/** Asks an allocator as a run with these options would. */
async function asked(allocate: Allocator['allocate'], options: Partial<PruneOptions> = {}) {
  const context = await contextOf(folder, windows, options);
  try {
    return await askAllocator(context, { name: 'mine', allocate });
  } finally {
    await context.close();
  }
}

/** What an allocator finds out about the tiny model. */
async function learned<T>(look: (model: DenseModel) => Promise<T>, options?: Partial<PruneOptions>): Promise<T> {
  let found: T | undefined;
  const allocate: Allocator['allocate'] = async (model) => {
    found = await look(model);
    return { shares: () => 0.5 };
  };
  await asked(allocate, options);
  return found as T;
}

describe('an allocator sees', () => {
  it('the sparsity, the number of blocks and the shapes of the layers', async () => {
    const { sparsity, blocks, layers } = await learned(async (model) => model, { sparsity: 0.55 });
    expect([sparsity, blocks]).toEqual([0.55, 3]);
    expect(layers).toEqual([
      { name: 'self_attn.q_proj', rows: 16, columns: 16 },
      { name: 'self_attn.k_proj', rows: 16, columns: 16 },
      { name: 'self_attn.v_proj', rows: 16, columns: 16 },
      { name: 'self_attn.o_proj', rows: 16, columns: 16 },
      { name: 'mlp.gate_proj', rows: 24, columns: 16 },
      { name: 'mlp.up_proj', rows: 24, columns: 16 },
      { name: 'mlp.down_proj', rows: 16, columns: 24 },
    ]);
  });

  it('the weights, a copy each time', async () => {
    await learned(async ({ readWeight }) => {
      for (const block of [0, 2])
        for (const name of names) {
          const expected = Float32Array.from(tensors[`model.layers.${block}.${name}.weight`].values);
          const weight = await readWeight(block, name);
          expect(weight).toEqual(expected);
          weight.fill(0);
          expect(await readWeight(block, name)).toEqual(expected);
        }
    });
  });

  it('no layer and no block that there is not', async () => {
    const unknown = await learned(({ readWeight }) =>
      Promise.resolve()
        .then(() => readWeight(0, 'mlp.fc1'))
        .catch((e: unknown) => e),
    );
    expect(unknown).toBeInstanceOf(UsageError);
    expect((unknown as Error).message).toBe(`expected a layer of ${names.join(', ')}, got mlp.fc1`);
    const beyond = await learned(({ readWeight }) => readWeight(3, names[0]).catch((e: unknown) => e));
    expect(beyond).toBeInstanceOf(CheckpointError);
    expect((beyond as Error).message).toContain('model.layers.3.self_attn.q_proj.weight');
  });

  it("the dense model's activations, block by block: those of Wanda where nothing is pruned, and of plain loops", async () => {
    const seen = await learned(async ({ activations }) => {
      const blocks: ReadonlyMap<string, Float32Array>[] = [];
      for await (const block of activations()) blocks.push(block);
      return blocks;
    });
    expect(seen.map((block) => [...block.keys()])).toEqual([names, names, names]);

    const ofScore = [0, 1, 2].map(() => new Map<string, Float32Array>());
    const witness: Score = {
      name: 'witness',
      needsActivations: true,
      score({ block, name, activations }) {
        ofScore[block].set(name, activations as Float32Array);
        return {};
      },
    };
    await prune({
      ...{ model: folder, out: `${home}/unpruned`, calibration: `${home}/windows.json`, threads: 1 },
      ...{ method: witness, topUp: 'uniform', sparsity: 0, deterministic: true },
    });
    expect(seen).toEqual(ofScore);

    let states = windows.map((ids) => plainEmbed(tensors, ids));
    for (const [b, block] of seen.entries()) {
      const passes = states.map((x) => plainBlock(tensors, tinyConfig, b, x));
      for (const [name, input] of layers) {
        const rows = passes.flatMap((pass) => pass.inputs[input]);
        const squares = rows[0].map((_, c) => rows.reduce((sum, x) => sum + x[c] ** 2, 0));
        expect(block.get(name)!).toBeAllClose(squares.map((sum) => Math.sqrt(sum / windows.length)));
      }
      states = passes.map(({ out }) => out);
    }
  });

  it('these activations as often as it asks, to the end or not', async () => {
    const first = async ({ activations }: DenseModel) => {
      for await (const block of activations()) return block;
      return null;
    };
    const [once, again] = await learned(async (model) => [await first(model), await first(model)]);
    expect(once?.size).toBe(7);
    expect(again).toEqual(once);
  });

  it('a way to report, and the signal', async () => {
    const progress: Progress[] = [];
    const { signal } = new AbortController();
    const seen = await learned(
      async (model) => {
        model.report(2, 'half of it');
        return model.signal;
      },
      { signal, onProgress: (p) => progress.push(p) },
    );
    expect(seen).toBe(signal);
    expect(progress).toEqual([{ phase: 'search', done: 2, total: 3, note: 'half of it' }]);
  });
});

describe('its shares', () => {
  const rowShares = (rows: number) => Float64Array.from({ length: rows }, (_, r) => r / rows);

  it('as a list are those of the blocks', async () => {
    const { allocation, evidence } = await asked(() => ({ shares: [0, 0.5, 0.25], evidence: { seen: 3 } }));
    expect(allocation).toEqual([0, 0.5, 0.25].map((s) => new Map(names.map((name) => [name, s]))));
    expect(evidence).toEqual({ seen: 3 });
  });

  it('as a function are those of block and layer, a number or one for each row', async () => {
    const shares: Shares = (block, layer) => (layer === 'mlp.up_proj' ? rowShares(24) : block / 4);
    const { allocation, evidence } = await asked(() => ({ shares }));
    allocation.forEach((block, b) => {
      for (const name of names) expect(block.get(name)).toEqual(name === 'mlp.up_proj' ? rowShares(24) : b / 4);
    });
    expect(evidence).toBeNull();
  });

  it('are what the layers of a run lose', async () => {
    const topUp: Allocator = {
      name: 'by-row',
      allocate: () => ({ shares: (block, layer) => (layer === 'mlp.up_proj' ? rowShares(24) : block / 4) }),
    };
    const record = await prune({
      ...{ model: folder, out: `${home}/by-row`, calibration: `${home}/windows.json`, threads: 1 },
      ...{ method: 'magnitude', topUp },
    });
    expect(record.prune.topUp).toBe('by-row');
    // Of row r, trunc(16·(1 − r/24)) stay.
    const zerosByRow = rowShares(24).reduce((sum, s) => sum + 16 - Math.trunc(16 * (1 - s)), 0);
    expect(
      record.layers.map(({ block, name, target, zeros }) => [block, name.split('.').at(-1), target, zeros]),
    ).toEqual(
      [0, 1, 2].flatMap((b) => [
        ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) => [b, name, b / 4, 16 * 16 * (b / 4)]),
        [b, 'gate_proj', b / 4, 24 * 16 * (b / 4)],
        [b, 'up_proj', expect.closeTo(11.5 / 24, 12), zerosByRow],
        [b, 'down_proj', b / 4, 24 * 16 * (b / 4)],
      ]),
    );
  });

  it('by row go with method admm', async () => {
    const shares: Shares = (_, layer) => rowShares(layer === 'mlp.gate_proj' || layer === 'mlp.up_proj' ? 24 : 16);
    const { allocation } = await asked(() => ({ shares }), { method: 'admm' });
    expect(allocation[2].get('mlp.up_proj')).toEqual(rowShares(24));
  });
});

describe('refuses', () => {
  const at = 'in allocation mine, self_attn.q_proj of block 0';
  const wholeOf = (what: string) => `expected { shares: 3 numbers or a function } from allocation mine, got ${what}`;
  const byRow: Allocated = { shares: () => new Float64Array(16).fill(0.5) };
  const forAll = 'expected one share for all rows with';
  it.each<[string, unknown, string, Partial<PruneOptions>?]>([
    ['shares of too few blocks', { shares: [0.5, 0.5] }, wholeOf('shares Array of 2')],
    ['shares of too many', { shares: [0.5, 0.5, 0.5, 0.5] }, wholeOf('shares Array of 4')],
    ['a typed array for the blocks', { shares: Float64Array.of(1, 2, 3) }, wholeOf('shares Float64Array of 3')],
    ['one number for all blocks', { shares: 0.5 }, wholeOf('shares number')],
    ['null', { shares: null }, wholeOf('shares null')],
    ['shares without their name', [0.5, 0.5, 0.5], wholeOf('shares undefined')],
    ['nothing', undefined, wholeOf('shares undefined')],
    ['NaN', { shares: [Number.NaN, 0.5, 0.5] }, `expected shares in [0, 1), got NaN, ${at}`],
    ['infinity', { shares: () => Number.NEGATIVE_INFINITY }, `expected shares in [0, 1), got -Infinity, ${at}`],
    ['a share below 0', { shares: [-0.1, 0.5, 0.5] }, `expected shares in [0, 1), got -0.1, ${at}`],
    [
      'a share of 1',
      { shares: (block: number, layer: string) => (block === 2 && layer === 'mlp.up_proj' ? 1 : 0.5) },
      'expected shares in [0, 1), got 1, in allocation mine, mlp.up_proj of block 2',
    ],
    [
      'a share of 1 of one row',
      { shares: () => new Float64Array(16).fill(1, 15) },
      `expected shares in [0, 1), got 1, ${at}`,
    ],
    ['a text', { shares: () => '0.5' }, `expected a share or a Float64Array of 16, got string, ${at}`],
    [
      'nothing for a layer',
      { shares: () => undefined },
      `expected a share or a Float64Array of 16, got undefined, ${at}`,
    ],
    [
      'rows of another layer',
      { shares: () => new Float64Array(24) },
      `expected a share or a Float64Array of 16, got Float64Array of 24, ${at}`,
    ],
    [
      'rows in f32',
      { shares: () => new Float32Array(16) },
      `expected a share or a Float64Array of 16, got Float32Array of 16, ${at}`,
    ],
    [
      'shares by row with SparseGPT',
      byRow,
      `${forAll} method sparsegpt, got one for each, ${at}; use method admm`,
      { method: 'sparsegpt' },
    ],
    [
      'shares by row where a whole layer is masked',
      byRow,
      `${forAll} granularity layer, got one for each, ${at}; use granularity row`,
      { granularity: 'layer' },
    ],
    [
      'the same with ADMM',
      byRow,
      `${forAll} granularity layer, got one for each, ${at}; use granularity row`,
      { method: 'admm', granularity: 'layer' },
    ],
  ])('%s', async (_, answer, message, options = {}) => {
    const error = await asked(() => answer as Allocated, options).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(message);
  });

  it('several shares in one block with a pattern', async () => {
    const topUp: Allocator = {
      name: 'mine',
      allocate: () => ({ shares: (_, layer) => (layer === 'mlp.up_proj' ? 0.25 : 0.5) }),
    };
    const context = await contextOf(folder, windows, { topUp, pattern: '2:4' });
    await expect(findAllocation(context)).rejects.toThrow(
      new UsageError('expected one share for each block with pattern 2:4, got several in one block'),
    );
    await context.close();
  });
});
