// Sparse matrices find their columns however far apart these are, take no more memory than they need, give back all of it, also
// where there is not enough, and are refused once they are freed.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Backend } from '../backend.js';
import { createReferenceBackend } from '../reference/reference.js';
import { Arena } from './arena.js';
import { createWasmBackend } from './create.js';
import { type SparseStorage, sortRows } from './sparse.js';
import { SPARSE_BLOCK, SPARSE_FAR, SPARSE_NEAR } from './units.js';

const PAGE = 65536;
let backend: Backend;
beforeAll(async () => {
  backend = await createWasmBackend({ arenaBytes: 16 * PAGE });
});
afterAll(() => backend.dispose());

/** Entries enough for an index of some kilobytes and 5 bytes for each of n weights. */
const ones = (n: number) => {
  const weight = backend.allocate('f32', [n / 256, 256]);
  backend.fill(weight, 1);
  return weight;
};

it('makes and frees more than fits at once', () => {
  const weight = ones(100 * 256);
  for (let i = 0; i < 100; i++) backend.free(backend.compress(weight, 'f32'));
  backend.free(weight);
});

it('leaves nothing behind where its entries find no room', () => {
  const weight = ones(600 * 256);
  const [taken, given] = [vi.spyOn(Arena.prototype, 'allocate'), vi.spyOn(Arena.prototype, 'free')];
  expect(() => backend.compress(weight, 'f32')).toThrow('expected room for all operands');
  const stretches = taken.mock.results.map(({ value }) => value).filter((pointer) => pointer !== null);
  expect(given.mock.calls.map(([pointer]) => pointer).sort()).toEqual(stretches.sort());
  expect(stretches.length).toBeGreaterThan(1);
  for (const spy of [taken, given]) spy.mockRestore();
  backend.free(weight);
});

it('refuses what is freed, and what is not its own', () => {
  const weight = ones(256);
  const matrix = backend.compress(weight, 'bf16');
  const [x, y] = [backend.allocate('f32', [1, 256]), backend.allocate('f32', [1, 1])];
  const reference = createReferenceBackend();
  const other = reference.compress(reference.allocate('f32', [1, 256]), 'f32');
  expect(() => backend.linear(y, x, other, null)).toThrow('got one of another backend, in a sparse matrix [1,256]');
  backend.free(matrix);
  expect(() => backend.linear(y, x, matrix, null)).toThrow('that has not been freed, got one that has');
  expect(() => backend.free(matrix)).toThrow('that has not been freed, got one that has');
});

/** A matrix of whole numbers, and a few rows of them to multiply it by. */
function product(rows: Float32Array[], tokens: number, own = backend) {
  const columns = rows[0].length;
  const [weight, x] = [own.allocate('f32', [rows.length, columns]), own.allocate('f32', [tokens, columns])];
  const inputs = Array.from({ length: tokens }, (_, t) =>
    Float32Array.from({ length: columns }, (_, c) => (c % 7) + t),
  );
  own.write(weight, Float32Array.from(rows.flatMap((row) => [...row])));
  own.write(x, Float32Array.from(inputs.flatMap((row) => [...row])));
  const matrix = own.compress(weight, 'bf16');
  const y = own.allocate('f32', [tokens, rows.length]);
  own.linear(y, x, matrix, null);
  for (const tensor of [weight, x]) own.free(tensor);
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  return { matrix, y, expected: inputs.flatMap((input) => rows.map((row) => dot(row, input))) };
}

it('finds columns that lie further apart than a step of 8 bits can say', async () => {
  const way = fc.constantFrom(1, 2, 127, 128, 254, 255, 256, 257, 509, 510, 511, 512, 765, 766);
  const row = fc.tuple(fc.nat(300), fc.array(way, { maxLength: 4 }));
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 9 }), fc.constantFrom(1, 5, 10), async (made, tokens) => {
      const places = made.map(([first, ways]) =>
        [0, ...ways].map((_, i) => ways.slice(0, i).reduce((a, b) => a + b, first)),
      );
      const columns = Math.max(...places.flat()) + 1;
      const rows = places.map((own) => {
        const numbers = new Float32Array(columns);
        for (const [i, c] of own.entries()) numbers[c] = i + 1;
        return numbers;
      });
      const { matrix, y, expected } = product(rows, tokens);
      expect([...(await backend.read(y))]).toEqual(expected);
      for (const tensor of [matrix, y]) backend.free(tensor);
    }),
  );
});

it('finds columns that lie further apart than a step of 4 bits can say', async () => {
  const own = await createWasmBackend({ arenaBytes: 256 * PAGE });
  const way = fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(1, 2, 3) },
    { weight: 1, arbitrary: fc.constantFrom(14, 15, 16, 17, 29, 30, 31, 32, 46) },
  );
  const ways = fc.tuple(fc.nat(40), fc.array(way, { minLength: 200, maxLength: 400 }));
  const made = fc.array(ways, { minLength: 1, maxLength: 9 });
  await fc.assert(
    fc.asyncProperty(
      made,
      fc.integer({ min: 2020, max: 2050 }),
      fc.constantFrom(1, 3, 5, 10),
      async (made, columns, tokens) => {
        const rows = made.map(([first, ways]) => {
          const numbers = new Float32Array(columns);
          for (let [c, i] = [first, 0]; c < columns; c += ways[i++ % ways.length]) numbers[c] = (i % 5) + 1;
          return numbers;
        });
        const { matrix, y, expected } = product(
          Array.from({ length: 135 }, (_, row) => rows[row % rows.length]),
          tokens,
          own,
        );
        const { far } = matrix.storage as SparseStorage;
        const got = await own.read(y);
        for (const tensor of [matrix, y]) own.free(tensor);
        expect(far).toBe(SPARSE_NEAR);
        expect(Buffer.compare(Buffer.from(got.buffer), Buffer.from(Float32Array.from(expected).buffer))).toBe(0);
      },
    ),
    { numRuns: 30 },
  );
  await own.dispose();
});

it.each([
  [64, 1024, SPARSE_NEAR],
  [63, 1024, SPARSE_FAR],
  [256, 1023, SPARSE_FAR],
])('where %i of 256 columns of %i rows are left no step is longer than %i', async (left, rows, far) => {
  const own = await createWasmBackend({ arenaBytes: 256 * PAGE });
  const { matrix } = product(new Array(rows).fill(new Float32Array(256).fill(1, 0, left)), 1, own);
  expect((matrix.storage as SparseStorage).far).toBe(far);
  await own.dispose();
});

it('fills up no more than three rows of a window, whatever lies beside what', () => {
  const lengths = Array.from({ length: 256 }, (_, row) => (row * 89) % 61);
  const rows = lengths.map((length) => new Float32Array(61).fill(1, 0, length));
  const { matrix, y } = product(rows, 1);
  const filled = (matrix.storage as SparseStorage).count - lengths.reduce((sum, length) => sum + length);
  expect(filled).toBeGreaterThan(0);
  expect(filled).toBeLessThanOrEqual(2 * 3 * 60);
  for (const tensor of [matrix, y]) backend.free(tensor);
});

it('sorts rows of any length', () => {
  const lengths = Uint32Array.of(7, 2 ** 26, 2 ** 25 - 2, 2 ** 25 + 40, 0, 7, 2 ** 26 + 1, 0);
  const [starts, order] = [new Uint32Array(3), new Uint8Array(8)];
  const entries = 4 * (2 ** 26 + 1 + 7);
  const longest = { window: entries, group: 4 * (2 ** 26 + 1) };
  expect(sortRows(lengths, starts, order, 1)).toEqual({ entries, longest });
  expect([...order]).toEqual([6, 1, 3, 2, 0, 5, 4, 7]);
  expect([...starts]).toEqual([0, 4 * (2 ** 26 + 1), 4 * (2 ** 26 + 8)]);
});

it('ends each window with a whole block of steps', () => {
  const lengths = Uint32Array.from({ length: 136 }, (_, row) => (row < 128 ? 3 : row % 5));
  const [starts, order] = [new Uint32Array(35), new Uint8Array(136)];
  // 32 groups of 12 entries are 12 blocks; groups of 16 and 8, three quarters of one.
  const longest = { window: 384, group: 16 };
  expect(sortRows(lengths, starts, order, SPARSE_BLOCK)).toEqual({ entries: 416, longest });
  expect([...starts.subarray(30)]).toEqual([360, 372, 384, 400, 416]);
  expect(sortRows(lengths, starts, order, 1)).toEqual({ entries: 408, longest });
  lengths[0] = 4;
  expect(sortRows(lengths, starts, order, SPARSE_BLOCK)).toEqual({
    entries: 448,
    longest: { ...longest, window: 416 },
  });
  expect([...starts.subarray(30)]).toEqual([364, 376, 416, 432, 448]);
});
