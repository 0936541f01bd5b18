// The inverse as something long: others get their turn between its steps, it can be stopped there, and however it ends its
// workspace is given back. And as something large: an arena need not hold two such matrices, and the bits do not depend on
// that. What it computes is checked with every backend's (test/conformance).

import { afterAll, beforeAll, expect, it } from 'vitest';
import { BackendError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Backend } from '../backend.js';
import { createWasmBackend } from './create.js';
import { storageOf } from './memory.js';

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

/** Room for 2.8 MiB of tensors each. */
const arenaBytes = 3 * 2 ** 20;

it.each([1, 2])(
  'needs no arena for two matrices, and gives the bits that it gives in one, %i threads',
  async (threads) => {
    const small = await createWasmBackend({ deterministic: true, threads, grainWork: 1, arenaBytes });
    try {
      // The last one's workspace leaves no more than the reserve.
      for (const n of [450, 521, 596]) {
        const values = Float64Array.from({ length: n * n }, (_, i) => 2 ** -Math.abs(Math.floor(i / n) - (i % n)));
        const inverse = async (on: Backend, form: 'whole' | 'factor', aliasing: 'apart' | 'in place') => {
          const matrix = on.allocate('f64', [n, n]);
          const result = aliasing === 'apart' ? on.allocate('f64', [n, n]) : matrix;
          on.fill(result, Number.NaN);
          on.write(matrix, values);
          await on.invert(result, matrix, 0.25, form);
          const bytes = Buffer.from((await on.read(result)).buffer);
          for (const t of new Set([matrix, result])) on.free(t);
          return bytes;
        };
        for (const form of ['whole', 'factor'] as const) {
          const expected = await inverse(backend, form, 'apart');
          for (const aliasing of ['apart', 'in place'] as const)
            expect((await inverse(small, form, aliasing)).equals(expected), `${n}, ${form}, ${aliasing}`).toBe(true);
        }
      }
    } finally {
      await small.dispose();
    }
  },
);

it('says which matrix is too large for the arenas', async () => {
  const small = await createWasmBackend({ arenaBytes });
  try {
    const square = small.allocate('f64', [606, 606]); // fits, but without the padding of the workspace
    const error = await small.invert(square, square, 1, 'whole').catch((e) => e);
    expect(error).toBeInstanceOf(BackendError);
    expect(error.message).toBe(
      'expected memory enough for the workspace of invert, a matrix of 606×606 f64, ' +
        'got no room for 3029008 bytes, in an arena of 3145728 bytes',
    );
  } finally {
    await small.dispose();
  }
});
