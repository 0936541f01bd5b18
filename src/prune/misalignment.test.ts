// Neuron alignment: one layer's distance against a plain computation, and what must hold of any model: nothing removed is
// no difference, the first inputs never differ, and how many candidates share a load of a block changes nothing.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { removeFolder } from '../../test/checkpoint-fixture.js';
import { plainAlignment } from '../../test/golden/plain-llama.js';
import { tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../test/golden/tiny-llama.js';
import { contextOf, type TestContext } from '../../test/prune-context.js';
import type { Graph } from '../models/graph.js';
import { type Allocation, allocate } from './allocation.js';
import type { PruneContext } from './context.js';
import { layerMisalignment } from './misalignment.js';
import { type PruneOptions, planOf } from './options.js';
import { search as searchCandidates } from './search.js';
import { BlockStream } from './stream.js';

describe('layerMisalignment', () => {
  it('of a worked example', () => {
    // Shares 1/4, 3/4 and 1/2, 1/2: distance √(1/16 + 1/16), over two inputs.
    expect(layerMisalignment(Float32Array.of(1, 3), Float32Array.of(5, 5))).toBe(Math.sqrt(1 / 8) / 2);
  });

  const positive = fc.float({ min: Math.fround(0.001), max: 1000, noNaN: true });
  const pair = fc.integer({ min: 1, max: 40 }).chain((length) => {
    const values = fc.array(positive, { minLength: length, maxLength: length });
    return fc.tuple(values, values);
  });

  it('is the distance of the shares over the number of inputs', () => {
    fc.assert(
      fc.property(pair, ([d, s]) => {
        const total = (values: number[]) => values.reduce((a, b) => a + b, 0);
        const [totalD, totalS] = [total(d), total(s)];
        const expected = Math.hypot(...d.map((v, i) => v / totalD - s[i] / totalS)) / d.length;
        expect(layerMisalignment(Float32Array.from(d), Float32Array.from(s))).toBeCloseTo(expected, 10);
      }),
    );
  });

  it('does not see a common factor, and is 0 only for equal shares', () => {
    fc.assert(
      fc.property(pair, ([d, s]) => {
        const [a, b] = [Float32Array.from(d), Float32Array.from(s)];
        expect(
          layerMisalignment(
            a,
            a.map((v) => v * 2),
          ),
        ).toBe(0);
        expect(layerMisalignment(a, b)).toBe(layerMisalignment(b, a));
        expect(layerMisalignment(a, b)).toBeGreaterThanOrEqual(0);
      }),
    );
    expect(layerMisalignment(Float32Array.of(1, 1), Float32Array.of(1, 1.5))).toBeGreaterThan(0);
  });

  it('of activations that are all zero is a number', () => {
    const zero = new Float32Array(4);
    expect(layerMisalignment(zero, zero)).toBe(0);
    expect(layerMisalignment(Float32Array.of(1, 0, 0, 0), zero)).toBe(0.25);
  });
});

/** Every candidate to its end. */
const alignments = async (context: PruneContext, candidates: readonly Allocation[], advanced: () => void) =>
  (await searchCandidates({ ...context, exhaustive: true }, candidates, advanced)).results;

const uniform = (graph: Graph, s: number) => allocate(graph, () => s);

describe('alignments', () => {
  const tensors = tinyTensors(tinyConfig, 3);
  const windows = tinyWindows(5, 9);
  let folder: string;
  let context: TestContext;
  beforeAll(async () => {
    folder = await tinyFolder(tinyConfig, tensors);
    context = await contextOf(folder, windows);
  });
  afterAll(async () => {
    await context.close();
    await removeFolder(folder);
  });
  const align = (...sparsities: number[]) =>
    alignments(
      context,
      sparsities.map((s) => uniform(context.graph, s)),
      () => {},
    );

  it('nothing removed is exactly no misalignment', async () => {
    const [{ misalignment, differences }] = await align(0);
    expect(misalignment).toBe(0);
    expect(differences).toHaveLength(3);
    for (const block of differences) for (const delta of block.values()) expect(delta.every((d) => d === 0)).toBe(true);
  });

  it('sends the windows through sparse matrices where most of a layer goes, and only there', async () => {
    const compress = vi.spyOn(context.backend, 'compress');
    await align(0.3);
    expect(compress).not.toHaveBeenCalled();
    await align(0.6);
    expect(compress).toHaveBeenCalledTimes(3 * 7);
    compress.mockRestore();
  });

  it('the inputs of the first layers of a block never differ, all others do', async () => {
    const [{ differences }] = await align(0.5);
    for (const block of differences)
      for (const [input, delta] of block) expect(delta.every((d) => d === 0)).toBe(input === 'self_attn.q_proj');
  });

  it('a last layer of the last block that is pruned away changes nothing: its output has no reader', async () => {
    const [all, none] = await alignments(
      context,
      [0.9, 0].map((last) =>
        allocate(context.graph, (b, { name }) => (b === 2 && name === 'mlp.down_proj' ? last : 0.3)),
      ),
      () => {},
    );
    expect(all.misalignment).toBe(none.misalignment);
  });

  it('agrees with plain loops, δ included', async () => {
    const [got] = await align(0.55);
    const plain = plainAlignment(tensors, tinyConfig, windows, {
      sparsity: () => 0.55,
      removed: (columns, s) => Math.floor(columns * s),
    });
    expect([got.misalignment]).toBeAllClose([plain.misalignment], 0, 1e-5);
    got.differences.forEach((block, b) => {
      for (const [input, delta] of block) expect(delta).toBeAllClose(plain.differences[b][input], 1e-5, 1e-4);
    });
  });

  it('is the same however many candidates fit into memory together, and reports every block of each', async () => {
    const candidates = [0.2, 0.4, 0.5, 0.7, 0.8].map((s) => uniform(context.graph, s));
    const together = await alignments(context, candidates, () => {});
    for (const group of [0, 1, 2, 4]) {
      let done = 0;
      const searchMemory = group * context.searchStream.stateBytes;
      expect(await alignments({ ...context, searchMemory }, candidates, () => done++)).toEqual(together);
      expect(done).toBe(5 * 3);
    }
  });

  it('is the same in one batch and in many', async () => {
    const many = tinyWindows(300, 9, 5); // 2700 tokens: more than go through a block together
    const searchStream = new BlockStream(context.graph, context.backend, many);
    const [got] = await alignments({ ...context, searchStream }, [uniform(context.graph, 0.5)], () => {});
    const plain = plainAlignment(tensors, tinyConfig, many, {
      sparsity: () => 0.5,
      removed: (columns, s) => Math.floor(columns * s),
    });
    expect([got.misalignment]).toBeAllClose([plain.misalignment], 0, 1e-4);
  });

  it('takes a score that looks at no activations', async () => {
    const of = async (method: PruneOptions['method']) =>
      (await alignments({ ...context, plan: planOf({ method }) }, [uniform(context.graph, 0.6)], () => {}))[0]
        .misalignment;
    expect(await of('magnitude')).toBeGreaterThan(0);
    expect(await of('magnitude')).not.toBe(await of('wanda'));
  });

  it('stops when asked', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(alignments({ ...context, signal }, [uniform(context.graph, 0.5)], () => {})).rejects.toThrow('enough');
  });
});
