// A matrix made of a mask and its values is, byte for byte in the memory of the kernels, the one that its dense rows make; and
// it leaves nothing else there.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { masked, rowsOf } from '../../../test/masked.js';
import { narrowBF16, widenBF16 } from '../../tensor/half.js';
import { toInt8 } from '../../tensor/int8.js';
import type { SparseMatrix } from '../../tensor/sparse-matrix.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Backend } from '../backend.js';
import { Arena } from './arena.js';
import { createWasmBackend } from './create.js';
import type { SparseStorage } from './sparse.js';

const PAGE = 65536;

/** Index and entries, as they lie there. */
async function bytesOf(backend: Backend, matrix: SparseMatrix) {
  const { index, entries, count } = matrix.storage as SparseStorage;
  const [indexed, held] = [await backend.read(index.whole), await backend.read(entries)];
  // A matrix without entries has a word of memory all the same.
  return {
    index: [...indexed],
    entries: count === 0 ? [] : [...held],
    scale: matrix.scale && [...(await backend.read(matrix.scale))],
  };
}

function scaleOf(backend: Backend, scale: Float32Array): Tensor<'f32'> {
  const tensor = backend.allocate('f32', [scale.length]);
  backend.write(tensor, scale);
  return tensor;
}

/** The weights [rows, columns] in all three kinds: made of dense rows, and of a mask. */
async function pairs(backend: Backend, weights: Float32Array, shape: [number, number]) {
  const dense = backend.allocate('f32', shape);
  const halves = new Uint16Array(weights.length);
  narrowBF16(weights, halves);
  const rounded = new Float32Array(weights.length);
  widenBF16(halves, rounded);
  const whole = toInt8(weights, ...shape);
  const of = {
    f32: () => {
      backend.write(dense, weights);
      const given = masked(weights, shape);
      return [backend.compress(dense, 'f32'), backend.compressMasked(given.mask, 'f32', rowsOf(given))];
    },
    bf16: () => {
      backend.write(dense, rounded);
      const given = masked(halves, shape);
      return [backend.compress(dense, 'bf16'), backend.compressMasked(given.mask, 'bf16', rowsOf(given))];
    },
    int8: () => {
      backend.write(
        dense,
        Float32Array.from(whole.values, (v, i) => v * whole.scale[Math.floor(i / shape[1])]),
      );
      const given = masked(whole.values, shape);
      const [a, b] = [scaleOf(backend, whole.scale), scaleOf(backend, whole.scale)];
      return [backend.compress(dense, 'int8', a), backend.compressMasked(given.mask, 'int8', rowsOf(given), b)];
    },
  };
  const made: [string, unknown, unknown][] = [];
  for (const [kind, make] of Object.entries(of)) {
    const [expected, got] = make();
    made.push([kind, await bytesOf(backend, expected), await bytesOf(backend, got)]);
    for (const matrix of [expected, got]) backend.free(matrix);
  }
  backend.free(dense);
  return made;
}

/** About that share of numbers that are not 0, −0 among the others. */
function numbers(size: number, share: number, seed: number): Float32Array {
  let state = seed | 1;
  return Float32Array.from({ length: size }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const kept = (state >>> 8) / 2 ** 24 < share;
    return kept ? state / 2 ** 31 : state & 1 ? 0 : -0;
  });
}

describe.each([
  ['plain', { threads: 1, simd: 'plain' }],
  ['2 threads', { threads: 2, grainWork: 1 }],
  ['arenas too small for two matrices', { threads: 1, arenaBytes: 96 * PAGE }],
] as const)('%s', (_, options) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await createWasmBackend(options);
  });
  afterAll(() => backend.dispose());

  it('is the matrix of the dense rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.integer({ min: 1, max: 21 }), fc.constantFrom(127, 128, 129, 261)),
        fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(255, 256, 257, 383, 385, 511, 512, 1300)),
        fc.constantFrom(0, 0.002, 0.05, 0.3, 0.9, 1),
        fc.integer(),
        async (rows, columns, share, seed) => {
          const weights = numbers(rows * columns, share, seed);
          for (const [kind, expected, got] of await pairs(backend, weights, [rows, columns]))
            expect(got, kind).toEqual(expected);
        },
      ),
      { numRuns: 25 },
    );
  });
});

it('is the same in many stretches', async () => {
  const backend = await createWasmBackend({ threads: 1 });
  const shape: [number, number] = [1203, 1500];
  const given = masked(numbers(shape[0] * shape[1], 0.5, 7), shape);
  const asked: [number, number][] = [];
  const values = (first: number, end: number) => {
    asked.push([first, end]);
    return rowsOf(given)(first, end);
  };
  const matrix = backend.compressMasked(given.mask, 'f32', values);
  const [[, expected]] = await pairs(backend, numbers(shape[0] * shape[1], 0.5, 7), shape);
  expect(await bytesOf(backend, matrix)).toEqual(expected);
  expect(asked.length).toBeGreaterThan(3);
  expect([asked[0][0], asked.at(-1)?.[1]]).toEqual([0, shape[0]]);
  for (const [i, [first, end]] of asked.entries())
    expect([first % 128, end]).toEqual([0, asked[i + 1]?.[0] ?? shape[0]]);
  await backend.dispose();
});

it('takes no more memory than the matrix in the end, and gives all of it back', async () => {
  const backend = await createWasmBackend({ threads: 1 });
  const shape = [40, 256];
  const given = masked(numbers(40 * 256, 0.3, 3), shape);
  const [taken, freed] = [vi.spyOn(Arena.prototype, 'allocate'), vi.spyOn(Arena.prototype, 'free')];
  const sum = (calls: [number, unknown?][], at: number) => calls.reduce((all, call) => all + (call[at] as number), 0);
  const held = () => sum(taken.mock.calls, 0) - sum(freed.mock.calls, 1);
  const matrix = backend.compressMasked(given.mask, 'f32', rowsOf(given));
  expect(held()).toBe(matrix.storage.bytes);
  backend.free(matrix);
  expect(held()).toBe(0);
  expect(() =>
    backend.compressMasked(given.mask, 'f32', () => {
      throw new Error('no values');
    }),
  ).toThrow('no values');
  expect(held()).toBe(0);
  for (const spy of [taken, freed]) spy.mockRestore();
  await backend.dispose();
});
