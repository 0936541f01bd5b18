// What is not finite must come out as what is not finite, which a caller sees, and never as a number that looks like an
// answer; and where one row holds it, the others are as they were. Not among the cases: there a NaN is always a fault.

import { describe, expect, it } from 'vitest';
import { ACTIVATIONS, type Backend } from '../../src/backend/backend.js';
import { createReferenceBackend } from '../../src/backend/reference/reference.js';
import { ColumnMatrix } from '../../src/tensor/column-matrix.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { candidates } from './backends.js';

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
const every = [{ name: 'reference', create: async () => createReferenceBackend() }, ...candidates];
const present = every.filter((c) => !('skip' in c && c.skip));

const f32 = (backend: Backend, shape: number[], values: ArrayLike<number>): Tensor<'f32'> => {
  const tensor = backend.allocate('f32', shape);
  backend.write(tensor, Float32Array.from(values));
  return tensor;
};

const f64 = (backend: Backend, shape: number[], values: ArrayLike<number>): Tensor<'f64'> => {
  const tensor = backend.allocate('f64', shape);
  backend.write(tensor, Float64Array.from(values));
  return tensor;
};

/** Small numbers, none of them 0, with others put in at given places. */
const numbers = (size: number, places: Record<number, number> = {}) =>
  Float32Array.from({ length: size }, (_, i) => places[i] ?? ((i * 7) % 11) / 4 - 1.3);

it.each(present)('$name: logProbabilities', async ({ create }) => {
  const backend = await create();
  const values = Float32Array.from({ length: 36 }, (_, i) => i % 9);
  values.set([nan], 2);
  values.set([infinity], 9 + 8);
  values.fill(-infinity, 18, 27);
  const logits = f32(backend, [4, 9], values);
  const targets = backend.allocate('i32', [4]);
  backend.write(targets, Int32Array.of(0, 1, 2, 8));
  const out = backend.allocate('f32', [4]);
  backend.fill(out, 1);
  backend.logProbabilities(out, logits, targets);
  const got = await backend.read(out);
  expect([...got.subarray(0, 3)]).toEqual([nan, nan, nan]);
  expect(got[3]).toBeCloseTo(-Math.log([0, 1, 2, 3, 4, 5, 6, 7, 8].reduce((sum, x) => sum + Math.exp(x - 8), 0)), 5);
  await backend.dispose();
});

/** Places of elementwise operands: in the vectors, and in the rest that fills none. */
const places = { 0: nan, 2: infinity, 5: -infinity, 12: nan, 13: infinity, 14: -infinity };

/** An operation on operands that are not finite. */
const operations: Record<string, (backend: Backend) => Tensor<'f32' | 'f64'>> = {
  ...Object.fromEntries(
    ACTIVATIONS.flatMap((kind) => [
      [
        `activate ${kind}`,
        (backend: Backend) => {
          const x = f32(backend, [15], numbers(15, places));
          backend.activate(x, x, kind);
          return x;
        },
      ],
      [
        `gate ${kind}`,
        (backend: Backend) => {
          const [x, up] = [f32(backend, [15], numbers(15, places)), f32(backend, [15], numbers(15, { 7: nan }))];
          backend.gate(x, x, up, kind);
          return x;
        },
      ],
    ]),
  ),
  add(backend) {
    const [x, other] = [
      f32(backend, [15], numbers(15, places)),
      f32(backend, [15], numbers(15, { 2: -infinity, 7: nan })),
    ];
    backend.add(x, x, other, 0.5);
    return x;
  },
  scale(backend) {
    const x = f32(backend, [15], numbers(15, places));
    backend.scale(x, x, -2);
    return x;
  },
  softcap(backend) {
    const x = f32(backend, [15], numbers(15, places));
    backend.softcap(x, x, 30);
    return x;
  },
  'admmStep, entries kept and not': (backend) => {
    const [right, u] = [f64(backend, [15], numbers(15)), f64(backend, [15], numbers(15, places))];
    const kept = f32(backend, [15], [1, 0, 0, 1, 1, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0]);
    backend.admmStep(right, u, f64(backend, [15], numbers(15)), f64(backend, [15], numbers(15, { 7: nan })), kept, 2);
    return right;
  },
  admmScores(backend) {
    const scores = backend.allocate('f32', [15]);
    const u = f64(backend, [15], numbers(15, { 2: -infinity, 7: nan }));
    backend.admmScores(scores, f64(backend, [15], [...numbers(14, places), 1e39]), u);
    return scores;
  },
  'multiply, in tiles and beside them': (backend) =>
    multiplied(backend, { 1: nan, 17: infinity, 35: -infinity, 44: nan, 56: infinity }, {}),
  'multiply, of a matrix in tiles and beside them': (backend) =>
    multiplied(backend, {}, { 1: nan, 17: infinity, 35: -infinity, 37: nan, 53: infinity }),
  'multiply, infinities that cancel': (backend) => multiplied(backend, { 0: infinity, 1: infinity }, { 28: -infinity }),
  'linear by columns': (backend) => {
    const [y, places] = [
      backend.allocate('f32', [5, 11]),
      { 0: 0, 2: nan, 9: infinity, 20: -0, 21: -infinity, 34: nan },
    ];
    const weight = new ColumnMatrix(f32(backend, [7, 11], numbers(77)));
    backend.linear(y, f32(backend, [5, 7], numbers(35, places)), weight, null);
    return y;
  },
  layerNorm(backend) {
    const x = f32(backend, [5, 7], numbers(35, { 2: nan, 9: infinity, 20: -infinity, 34: nan }));
    backend.layerNorm(x, x, f32(backend, [7], numbers(7)), null, 1e-5);
    return x;
  },
  rmsNorm(backend) {
    const x = f32(backend, [5, 7], numbers(35, { 2: nan, 9: infinity, 20: -infinity, 34: nan }));
    backend.rmsNorm(x, x, null, 1e-5);
    return x;
  },
  'attention, one query': (backend) => attended(backend, { q: { 49: nan, 120: infinity } }),
  'attention, one key': (backend) => attended(backend, { k: { 282: nan } }),
  'attention, one key, in a window': (backend) => attended(backend, { k: { 282: nan }, window: 9 }),
  'attention, one key, capped': (backend) => attended(backend, { k: { 282: nan }, softcap: 5 }),
  'attention, two values': (backend) => attended(backend, { v: { 87: infinity, 282: nan } }),
  'attention, two values, in a window': (backend) => attended(backend, { v: { 87: infinity, 282: nan }, window: 9 }),
  ...Object.fromEntries(
    Object.entries({
      'one key': { k: { 282: nan } },
      'one key, capped': { k: { 282: nan }, softcap: 5 },
      'two values': { v: { 87: infinity, 282: nan } },
      'two values, one in its window': { v: { 87: infinity, 282: nan }, window: 40 },
      'a query': { q: { 1: nan } },
    }).map(([name, given]) => [
      `attention of a single query, ${name}`,
      (backend: Backend) => attended(backend, { ...given, queries: 1 }),
    ]),
  ),
  'attention, two values, in a window of 2': (backend) => attended(backend, { v: { 87: nan, 282: nan }, window: 2 }),
};

/** Of 7 rows of 9 and a matrix of 6 such rows: tiles are 2 × 4 × 2. */
function multiplied(backend: Backend, inX: Record<number, number>, inMatrix: Record<number, number>): Tensor<'f64'> {
  const y = backend.allocate('f64', [7, 6]);
  backend.multiply(y, f64(backend, [7, 9], numbers(63, inX)), f64(backend, [6, 9], numbers(54, inMatrix)));
  return y;
}

/** What is not finite in the operands of `attended`, and the rest of its shape. */
interface Attended {
  q?: Record<number, number>;
  k?: Record<number, number>;
  v?: Record<number, number>;
  window?: number;
  softcap?: number;
  queries?: number;
}

/** Attention of so many of 100 tokens, the last ones, one head of 4. */
function attended(backend: Backend, { q, k, v, queries = 100, ...extras }: Attended): Tensor<'f32'> {
  const y = backend.allocate('f32', [queries, 4]);
  const operands = [
    f32(backend, [queries, 4], numbers(4 * queries, q)),
    ...[k, v].map((at) => f32(backend, [100, 4], numbers(400, at))),
  ];
  const shape = { heads: 1, kvHeads: 1, headDim: 4, sequences: 1, queries, keys: 100, scale: 0.5 };
  backend.attention(y, operands[0], operands[1], operands[2], { ...shape, window: null, softcap: null, ...extras });
  return y;
}

describe.each(Object.entries(operations))('%s', (_, run) => {
  it.each(present.slice(1))('$name: as the formula has it', async ({ create }) => {
    const backend = await create();
    const reference = createReferenceBackend();
    const [got, wanted] = [await backend.read(run(backend)), await reference.read(run(reference))];
    expect(wanted.some((value) => !Number.isFinite(value))).toBe(true);
    for (const [i, value] of wanted.entries()) {
      if (Number.isFinite(value))
        expect(got[i], `element ${i}`).toBeCloseTo(value, got instanceof Float64Array ? 12 : 5);
      else expect(got[i], `element ${i}`).toBe(value);
    }
    await backend.dispose();
  });
});
