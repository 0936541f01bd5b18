// Logits that are not finite must come out as NaN, which a caller sees, and never as a number that looks like an answer.
// Not among the cases: there a NaN is always a fault.

import { expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backend/reference/reference.js';
import { candidates } from './backends.js';

const every = [{ name: 'reference', create: async () => createReferenceBackend() }, ...candidates];

it.each(every.filter((c) => !('skip' in c && c.skip)))('$name: logProbabilities', async ({ create }) => {
  const backend = await create();
  const logits = backend.allocate('f32', [4, 9]);
  const values = Float32Array.from({ length: 36 }, (_, i) => i % 9);
  values.set([Number.NaN], 2);
  values.set([Number.POSITIVE_INFINITY], 9 + 8);
  values.fill(Number.NEGATIVE_INFINITY, 18, 27);
  backend.write(logits, values);
  const targets = backend.allocate('i32', [4]);
  backend.write(targets, Int32Array.of(0, 1, 2, 8));
  const out = backend.allocate('f32', [4]);
  backend.fill(out, 1);
  backend.logProbabilities(out, logits, targets);
  const got = await backend.read(out);
  expect([...got.subarray(0, 3)]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  expect(got[3]).toBeCloseTo(-Math.log([0, 1, 2, 3, 4, 5, 6, 7, 8].reduce((sum, x) => sum + Math.exp(x - 8), 0)), 5);
  await backend.dispose();
});
