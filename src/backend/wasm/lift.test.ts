// What the kernel writes and counts is what liftF16 and countZeros do, pattern by pattern and in rows of any length.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { liftF16 } from '../../tensor/weights16.js';
import { countZeros } from '../../tensor/zeros.js';
import type { Backend } from '../backend.js';
import { createWasmBackend } from './create.js';

/** Patterns of numbers up to 63.97, beyond which 1024 times one is too large. */
const FITS = 21 << 10;

describe.each([
  { threads: 1, deterministic: false },
  { threads: 1, deterministic: true },
  { threads: 2, deterministic: false },
])('$threads threads, deterministic: $deterministic', (options) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await createWasmBackend(options);
  });
  afterAll(() => backend?.dispose());

  /** What is written and counted; null where it is refused. */
  async function written(stored: Uint16Array, columns: number) {
    const tensor = backend.allocate('f16', [stored.length / columns, columns]);
    try {
      const zeros = backend.writeF16?.(tensor, stored);
      return typeof zeros === 'number' ? { patterns: await backend.read(tensor), zeros } : null;
    } finally {
      backend.free(tensor);
    }
  }

  function expected(stored: Uint16Array) {
    const patterns = liftF16(stored);
    return patterns && { patterns, zeros: countZeros(stored) };
  }

  it('every pattern that fits, whole and in what is left of a row', async () => {
    const fitting = Uint16Array.from({ length: 2 * FITS }, (_, i) => (i < FITS ? i : (i - FITS) | 0x8000));
    for (const columns of [FITS, 7 * 1024, 6, 1]) expect(await written(fitting, columns)).toEqual(expected(fitting));
  });

  it('every pattern that does not, wherever it lies', async () => {
    for (let size = FITS; size < 0x8000; size += 1 + (size % 61))
      for (const [at, pattern] of [
        [0, size],
        [7, size | 0x8000],
        [8, size],
        [10, size | 0x8000],
      ]) {
        const stored = new Uint16Array(22).fill(0x3800);
        stored[at + 11] = pattern;
        expect(await written(stored, 11)).toBeNull();
      }
  });

  it('any rows', async () => {
    const pattern = fc.oneof(fc.constantFrom(0, 0x8000), fc.integer({ min: 0, max: 0xffff }));
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.array(pattern, { minLength: 40, maxLength: 99 }),
        async (columns, all) => {
          const stored = Uint16Array.from(all.slice(0, all.length - (all.length % columns)));
          expect(await written(stored, columns)).toEqual(expected(stored));
        },
      ),
    );
  });
});
