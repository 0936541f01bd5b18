// A score of one's own removes exactly the weights that a sort of its scores picks, under every policy and on every
// backend; what it sees is a copy, and what it may not answer is refused word by word.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backends } from '../../../test/backends.js';
import type { Backend } from '../../backend/backend.js';
import { createReferenceBackend } from '../../backend/reference/reference.js';
import { UsageError } from '../../errors.js';
import type { LinearLayer } from '../../models/graph.js';
import type { Target } from '../allocation.js';
import type { MaskPolicy } from '../masks.js';
import type { InputSummary } from '../statistics.js';
import type { LayerScores, Score, ScoredLayer } from './score.js';
import { ScorePruner } from './score-pruner.js';

const { fround } = Math;

type Answer = (layer: ScoredLayer) => LayerScores | Promise<LayerScores>;

interface Layer {
  rows: number;
  columns: number;
  weight: ArrayLike<number>;
}

const byRow: MaskPolicy = { kind: 'row', rounding: 'published' };

/** What is left of a layer of block 3 by a score, and what of the dense weight. */
async function pruned(
  backend: Backend,
  { rows, columns, weight }: Layer,
  answer: Answer,
  target: Target,
  policy: MaskPolicy,
  activations: Float32Array | null = null,
): Promise<{ out: number[]; dense: number[] }> {
  const score: Score = { name: 'mine', needsActivations: activations !== null, score: answer };
  const dense = backend.allocate('f32', [rows, columns]);
  const out = backend.allocate('f32', [rows, columns]);
  backend.write(dense, Float32Array.from(weight));
  const layer = { name: 'self_attn.q_proj', rows, columns } as LinearLayer;
  const tasks = [{ layer, dense, out, target, correlation: null }];
  const summary = activations && ({ activations } as InputSummary);
  try {
    await new ScorePruner(backend, score, policy).prune({ block: 3, summary, tasks });
    return { out: [...(await backend.read(out))], dense: [...(await backend.read(dense))] };
  } finally {
    backend.free(dense);
    backend.free(out);
  }
}

/** §4 and §5 of the algorithms page with whole sorts. */
function sorted({ rows, columns, weight }: Layer, scores: LayerScores, target: Target, policy: MaskPolicy): number[] {
  const { column, row, matrix } = scores;
  const out = Array.from(weight, fround);
  const score = out.map((w, i) => {
    const factor = fround((row?.[Math.floor(i / columns)] ?? 1) * (column?.[i % columns] ?? 1));
    return fround(Math.abs(matrix?.[i] ?? w) * factor);
  });
  const exact = policy.rounding === 'exact';
  const mean = typeof target === 'number' ? target : target.reduce((a, b) => a + b) / rows;
  const rising = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => from + i).sort((i, j) => score[i] - score[j] || i - j);
  const remove = (indices: number[]) => {
    for (const i of indices) out[i] = 0;
  };
  const whole = rising(0, out.length);
  if (policy.kind === 'layer' && exact) remove(whole.slice(0, Math.round(out.length * mean)));
  if (policy.kind === 'layer' && !exact) {
    const limit = score[whole[Math.floor(out.length * mean)]];
    remove(whole.filter((i) => score[i] <= limit));
  }
  if (policy.kind === 'n:m')
    for (let i = 0; i < out.length; i += policy.m) remove(rising(i, policy.m).slice(0, Math.round(mean * policy.m)));
  if (policy.kind !== 'row') return out;
  const falling = (r: number) => rising(r * columns, columns).sort((i, j) => score[j] - score[i] || i - j);
  // Exact counts of one share: of the rows, the lower ones lose one more.
  const extra = (s: number) => Math.round(rows * columns * s) - rows * Math.floor(columns * s);
  for (let r = 0; r < rows; r++)
    if (typeof target !== 'number') remove(falling(r).slice(Math.trunc((1 - target[r]) * columns)));
    else
      remove(rising(r * columns, columns).slice(0, Math.floor(columns * target) + Number(exact && r < extra(target))));
  return out;
}

describe.each(backends)('on the %s backend', (_, create) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  const layer = { rows: 2, columns: 4, weight: [1, -2, 3, -4, 8, 7, -6, 5] };
  const half = async (scores: LayerScores, policy: MaskPolicy = byRow, target: Target = 0.5) =>
    (await pruned(backend, layer, () => scores, target, policy)).out;

  it('multiplies columns', async () => {
    // 10 4 3 4 and 80 14 6 5: of the equal ones the lower column goes.
    const column = Float32Array.of(10, 2, 1, 1);
    expect(await half({ column })).toEqual([1, 0, 0, -4, 8, 7, 0, 0]);
    expect(await half({ column }, { kind: 'n:m', m: 2, rounding: 'published' })).toEqual([1, 0, 0, -4, 8, 0, -6, 0]);
    expect(await half({ column }, { kind: 'layer', rounding: 'exact' })).toEqual([1, 0, 0, 0, 8, 7, -6, 0]);
    // Rank 4, counted from 0, is the 6.
    expect(await half({ column }, { kind: 'layer', rounding: 'published' })).toEqual([1, 0, 0, 0, 8, 7, 0, 0]);
  });

  it('multiplies rows, which only a comparison between rows can see', async () => {
    // 10 20 30 40 and 8 7 6 5.
    const scores = { row: Float32Array.of(10, 1) };
    expect(await half(scores)).toEqual([0, 0, 3, -4, 8, 7, 0, 0]);
    expect(await half(scores, { kind: 'layer', rounding: 'exact' })).toEqual([1, -2, 3, -4, 0, 0, 0, 0]);
  });

  it('ranks by a matrix in place of the weights, an entry below 0 by its size', async () => {
    const matrix = Float32Array.of(-9, 1, 2, -3, 0, -0.5, 0.25, -1);
    expect(await half({ matrix })).toEqual([1, 0, 0, -4, 0, 7, 0, 5]);
    // Times 1 9 1 1: 9 9 2 3 and 0 4.5 0.25 1.
    expect(await half({ matrix, column: Float32Array.of(1, 9, 1, 1) })).toEqual([1, -2, 0, 0, 0, 7, 0, 5]);
    expect(await half({ matrix }, byRow, Float64Array.of(0.25, 0.75))).toEqual([1, 0, 3, -4, 0, 0, 0, 5]);
  });

  it('ranks by the weights where it answers nothing, or null', async () => {
    expect(await half({})).toEqual([0, 0, 3, -4, 8, 7, 0, 0]);
    expect(await half({ column: null, row: null, matrix: null })).toEqual([0, 0, 3, -4, 8, 7, 0, 0]);
  });

  it('shows a score its layer, and a copy of the weights', async () => {
    const activations = Float32Array.of(1, 2, 3, 4);
    let seen: ScoredLayer | undefined;
    const answer: Answer = async (layer) => {
      seen = layer;
      const weight = await layer.readWeight();
      expect([...weight]).toEqual([1, -2, 3, -4, 8, 7, -6, 5]);
      weight.fill(0);
      return { matrix: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
    };
    const { out, dense } = await pruned(backend, layer, answer, 0.5, byRow, activations);
    expect(seen).toMatchObject({ block: 3, name: 'self_attn.q_proj', rows: 2, columns: 4, activations });
    expect(out).toEqual([0, 0, 3, -4, 0, 0, -6, 5]);
    expect(dense).toEqual(layer.weight);
    await pruned(backend, layer, answer, 0.5, byRow);
    expect(seen?.activations).toBeNull();
  });

  const shape = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom(8, 24, 40));
  /** Few values, so that scores tie, or many. */
  const values = fc.oneof(
    fc.constant(fc.constantFrom(-2, -1, 1, 3)),
    fc.constant(fc.float({ min: -4, max: 4, noNaN: true }).map((v) => v || 1)),
  );
  const many = (length: number) =>
    values.chain((value) => fc.array(value, { minLength: length, maxLength: length }).map((v) => Float32Array.from(v)));
  const layers = shape.chain(([rows, columns]) =>
    fc.record({
      layer: fc.record({ rows: fc.constant(rows), columns: fc.constant(columns), weight: many(rows * columns) }),
      scores: fc.record({
        column: fc.option(many(columns).map((v) => v.map(Math.abs))),
        row: fc.option(many(rows).map((v) => v.map(Math.abs))),
        matrix: fc.option(many(rows * columns)),
      }),
      perRow: fc.array(fc.integer({ min: 0, max: 15 }), { minLength: rows, maxLength: rows }),
    }),
  );
  const sixteenths = fc.integer({ min: 0, max: 15 }).map((n) => n / 16);

  it.each<MaskPolicy>([
    { kind: 'row', rounding: 'published' },
    { kind: 'row', rounding: 'exact' },
    { kind: 'layer', rounding: 'published' },
    { kind: 'layer', rounding: 'exact' },
    { kind: 'n:m', m: 4, rounding: 'published' },
    { kind: 'n:m', m: 8, rounding: 'exact' },
  ])('removes what a sort of the scores picks: %o', async (policy) => {
    const property = fc.asyncProperty(layers, sixteenths, fc.boolean(), async (its, share, own) => {
      const { layer, scores, perRow } = its;
      const target =
        own && policy.kind === 'row' && policy.rounding === 'published'
          ? Float64Array.from(perRow, (n) => n / 16)
          : share;
      const { out } = await pruned(backend, layer, () => scores, target, policy);
      expect(out.map((v) => v || 0)).toEqual(sorted(layer, scores, target, policy));
    });
    await fc.assert(property, { numRuns: 60 });
  });
});

describe('refuses', () => {
  const backend = createReferenceBackend();
  const layer = { rows: 2, columns: 3, weight: [1, 2, 3, 4, 5, 6] };
  const from = 'from score mine of self_attn.q_proj, block 3';
  const noObject = `expected an object with column, row or matrix ${from}`;
  const sixth = Float32Array.of(0, 1, 2, 3, 4, Number.POSITIVE_INFINITY);
  it.each<[string, unknown, string]>([
    ['an unknown key', { columns: new Float32Array(3) }, noObject],
    ['a bare typed array', new Float32Array(6), noObject],
    ['an empty one', new Float32Array(0), noObject],
    ['a list', [], noObject],
    ['a map', new Map([['column', new Float32Array(3)]]), noObject],
    ['a number', 5, noObject],
    ['nothing', undefined, noObject],
    ['null', null, noObject],
    [
      'a Float64Array',
      { column: new Float64Array(3) },
      `expected column to be a Float32Array of 3, got Float64Array of 3, ${from}`,
    ],
    ['a plain array', { row: [1, 2] }, `expected row to be a Float32Array of 2, got Array of 2, ${from}`],
    [
      'factors of another layer',
      { row: new Float32Array(3) },
      `expected row to be a Float32Array of 2, got Float32Array of 3, ${from}`,
    ],
    [
      'a matrix of another layer',
      { matrix: new Float32Array(5) },
      `expected matrix to be a Float32Array of 6, got Float32Array of 5, ${from}`,
    ],
    ['NaN', { column: Float32Array.of(1, Number.NaN, 1) }, `expected finite scores ≥ 0, got NaN in column[1], ${from}`],
    ['a factor below 0', { row: Float32Array.of(1, -2) }, `expected finite scores ≥ 0, got -2 in row[1], ${from}`],
    ['an infinite entry', { matrix: sixth }, `expected finite scores, got Infinity in matrix[5], ${from}`],
    [
      'NaN in a matrix',
      { matrix: new Float32Array(6).fill(Number.NaN, 2) },
      `expected finite scores, got NaN in matrix[2], ${from}`,
    ],
  ])('%s', async (_, answer, message) => {
    const error = await pruned(backend, layer, () => answer as LayerScores, 0.5, byRow).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(message);
  });
});
