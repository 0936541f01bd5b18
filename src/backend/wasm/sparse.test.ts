// Sparse matrices give back all their memory, also where there is not enough, and are refused once they are freed.

import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Backend } from '../backend.js';
import { createReferenceBackend } from '../reference/reference.js';
import { Arena } from './arena.js';
import { createWasmBackend } from './create.js';

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
