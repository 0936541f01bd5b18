// Keys and values of bf16 give the bits that the same numbers in f32 give, however many queries there are.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { widenBF16 } from '../../tensor/half.js';
import type { Backend, KeyDType } from '../backend.js';
import { createWasmBackend } from './create.js';
import { relaxedSimdSupported } from './features.js';

const builds = relaxedSimdSupported() ? (['plain', 'relaxed'] as const) : (['plain'] as const);
describe.each(builds)('%s', (simd) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await createWasmBackend({ threads: 1, simd });
  });
  afterAll(() => backend?.dispose());

  it.each(
    [4, 6, 8, 20, 64].flatMap((headDim) =>
      [1, 4].flatMap((group) => [1, 3, 70].map((queries) => ({ headDim, group, queries }))),
    ),
  )('heads of $headDim, $group for one of keys, $queries queries', async ({ headDim, group, queries }) => {
    const [kvHeads, keys] = [2, 133];
    const patterns = Uint16Array.from(
      { length: keys * kvHeads * headDim },
      (_, i) => ((i % 3 && 1) << 15) | (0x3d00 + ((i * 7919) % 509)),
    );
    const numbers = new Float32Array(patterns.length);
    widenBF16(patterns, numbers);
    const q = backend.allocate('f32', [queries, group * kvHeads * headDim]);
    backend.write(
      q,
      Float32Array.from({ length: q.size }, (_, i) => Math.sin(i)),
    );
    const results: Float32Array[] = [];
    for (const dtype of ['f32', 'bf16'] as KeyDType[]) {
      const [k, v] = [0, 1].map((shift) => {
        const tensor = backend.allocate(dtype, [keys, kvHeads * headDim]);
        const held = dtype === 'f32' ? numbers : patterns;
        backend.write(tensor, shift ? held.slice().reverse() : held);
        return tensor;
      });
      const y = backend.allocate('f32', q.shape);
      const shape = { heads: group * kvHeads, kvHeads, headDim, sequences: 1, queries, keys };
      backend.attention(y, q, k, v, { ...shape, scale: 0.1, window: 90, softcap: null });
      results.push(await backend.read(y));
      for (const tensor of [k, v, y]) backend.free(tensor);
    }
    backend.free(q);
    expect(results[0].every(Number.isFinite)).toBe(true);
    expect(results[1]).toEqual(results[0]);
  });
});
