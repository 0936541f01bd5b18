// The inverse as something long: others get their turn between its steps, it can be stopped there, and however it ends its
// workspace is given back. What it computes is checked with every backend's (test/conformance).

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Tensor } from '../../tensor/tensor.js';
import type { Backend } from '../backend.js';
import { storageOf } from './memory.js';
import { createWasmBackend } from './wasm.js';

const n = 200;
let backend: Backend;
let matrix: Tensor<'f64'>;
let out: Tensor<'f64'>;
beforeAll(async () => {
  backend = await createWasmBackend({ deterministic: true });
  [matrix, out] = [backend.allocate('f64', [n, n]), backend.allocate('f64', [n, n])];
});
afterAll(() => backend.dispose());

/** 2 on the diagonal but for its last entry, 0 elsewhere. */
const write = (last = 2) =>
  backend.write(
    matrix,
    Float64Array.from({ length: n * n }, (_, i) => (i === n * n - 1 ? last : i % (n + 1) === 0 ? 2 : 0)),
  );

/** Where the next allocation of a workspace's size would lie. */
function nextAddress(): string {
  const probe = backend.allocate('f64', [n * n]);
  const { arena, pointer } = storageOf(probe);
  backend.free(probe);
  return `${arena.index} ${pointer}`;
}

it('lets the event loop run between its steps', async () => {
  write();
  let turns = 0;
  const count = () => {
    turns++;
    immediate = setImmediate(count);
  };
  let immediate = setImmediate(count);
  await backend.invert(out, matrix, 0, 'factor');
  clearImmediate(immediate);
  expect(turns).toBeGreaterThanOrEqual(3); // four blocks of columns
});

it('stops with the reason of its signal, at the start and halfway', async () => {
  write();
  const reason = new Error('enough');
  await expect(backend.invert(out, matrix, 0, 'whole', AbortSignal.abort(reason))).rejects.toBe(reason);
  const controller = new AbortController();
  const inverse = backend.invert(out, matrix, 0, 'whole', controller.signal);
  setImmediate(() => setImmediate(() => controller.abort(reason)));
  await expect(inverse).rejects.toBe(reason);
});

it('gives its workspace back, however it ends', async () => {
  const before = nextAddress();
  write();
  for (const form of ['whole', 'factor'] as const) {
    await backend.invert(out, matrix, 0, form);
    expect(nextAddress()).toBe(before);
    await expect(backend.invert(out, matrix, 0, form, AbortSignal.abort())).rejects.toThrow();
    expect(nextAddress()).toBe(before);
  }
  write(-1);
  for (const form of ['whole', 'factor'] as const) {
    await expect(backend.invert(out, matrix, 0, form)).rejects.toThrow('got pivot -1, in row 199');
    expect(nextAddress()).toBe(before);
  }
});
