// How close the functions that are more than arithmetic come, in units in the last place (ulp) of f32, over dense ranges
// and at numbers of every size: what the comments of the kernels promise.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { createReferenceBackend } from '../../src/backend/reference/reference.js';
import { elements } from '../../src/backend/reference/storage.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { candidates } from './backends.js';

const reference = createReferenceBackend();

/** 2¹⁷ points of ±20, and three numbers of every binary exponent, of both signs. */
const dense = Array.from({ length: 2 ** 17 }, (_, i) => (i / 2 ** 16 - 1) * 20);
const sizes = Array.from({ length: 254 }, (_, e) =>
  [1, 1.3, 1.8].flatMap((m) => [m * 2 ** (e - 126), -m * 2 ** (e - 126)]),
);
const points = Float32Array.from([...dense, ...sizes.flat()]);

/** Distance of the f32 numbers around `value`. */
const ulp = (value: number) => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(value)))) - 23);

/** Below this the exponential of the kernels is 0 or about to be: x·e^x at −87.3. */
const least = 2 ** -119;

type Call = (backend: Backend, y: Tensor<'f32'>, x: Tensor<'f32'>) => void;

/** Where an exponential is nearly all of the result, every rounding of its argument costs an ulp for each 1 of it. */
const below = (roundings: number, argument: (x: number) => number) => (x: number) =>
  x < 0 ? roundings * Math.abs(argument(x)) : 0;
const ofGelu = below(1, (x) => (x * x) / 2);
const ofGeluTanh = below(4, (x) => 1.6 * x + 0.0714 * x ** 3);
const ofWeight = below(1, (x) => x);
const ofQuickGelu = below(2, (x) => 1.702 * x);

/** 1/(1 + e^−x) for every point, as what attention makes of two keys with the scores 0 and x and the values 0 and 1. */
function attendTwo(backend: Backend, y: Tensor<'f32'>): void {
  const shape = { heads: 1, kvHeads: 1, headDim: 1, queries: 1, keys: 2, scale: 1, window: null, softcap: null };
  for (let start = 0; start < points.length; start += 2 ** 15) {
    const some = points.subarray(start, start + 2 ** 15);
    const [q, k, v] = [
      some.map(() => 1),
      Float32Array.from({ length: 2 * some.length }, (_, i) => (i % 2) * some[i >> 1]),
      Float32Array.from({ length: 2 * some.length }, (_, i) => i % 2),
    ].map((values) => {
      const tensor = backend.allocate('f32', [values.length, 1]);
      backend.write(tensor, values);
      return tensor;
    });
    const rows = y.reshape(points.length, 1).rows(start, start + some.length);
    backend.attention(rows, q, k, v, { ...shape, sequences: some.length });
    for (const tensor of [q, k, v]) backend.free(tensor);
  }
}

/** The function, how it is called, and the ulps allowed at x. */
const functions: [string, Call, (x: number) => number][] = [
  ['tanh', (backend, y, x) => backend.softcap(y, x, 1), () => 2],
  ['silu', (backend, y, x) => backend.activate(y, x, 'silu'), () => 3],
  ['gelu', (backend, y, x) => backend.activate(y, x, 'gelu'), (x) => 6 + ofGelu(x)],
  ['gelu_tanh', (backend, y, x) => backend.activate(y, x, 'gelu_tanh'), (x) => 3 + ofGeluTanh(x)],
  ['the weights of attention', attendTwo, (x) => 3 + ofWeight(x)],
  ['quick_gelu', (backend, y, x) => backend.activate(y, x, 'quick_gelu'), (x) => 3 + ofQuickGelu(x)],
];

for (const { name, create, skip } of candidates) {
  describe.skipIf(skip !== undefined)(name, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await create();
    });
    afterAll(() => backend?.dispose());

    it.each(functions)('%s', async (_, call, allowed) => {
      const [x, y] = [backend, reference].map((b) => {
        const tensor = b.allocate('f32', [points.length]);
        b.write(tensor, points);
        call(b, tensor, tensor);
        return tensor;
      });
      const [got, wanted] = [await backend.read(x), elements(y)];
      let worst = { over: 0, x: 0, got: 0, wanted: 0 };
      for (const [i, value] of wanted.entries()) {
        const over = Math.abs(got[i] - value) / (allowed(points[i]) * ulp(value) + least);
        if (!(over <= worst.over)) worst = { over, x: points[i], got: got[i], wanted: value };
      }
      expect(worst.over, JSON.stringify(worst)).toBeLessThanOrEqual(1);
    });
  });
}
