// Units of a dense linear layer: as large as streams need them, as equal as threads do.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rowsOfUnit } from './row-blocks.js';

it('many tokens share few rows, whatever the matrix', () => {
  expect(rowsOfUnit(1 << 20, 1, 8, 16, 1)).toBe(32);
  expect(rowsOfUnit(1 << 20, 1, 8, 15, 1)).toBe(248);
});

it('one thread reads the longest streams, in a mebibyte at most', () => {
  expect([40, 300, 2048, 32000].map((rows) => rowsOfUnit(rows, 3072, 8, 1, 1))).toEqual([40, 248, 248, 248]);
  expect([4228, 4229, 8192, 16384, 1 << 20].map((bytes) => rowsOfUnit(32000, bytes, 8, 1, 1))).toEqual([
    248, 240, 128, 64, 32,
  ]);
});

it('several threads have three units each, and nearly equal shares', () => {
  expect([2, 3, 4, 8, 16].map((threads) => rowsOfUnit(768, 1000, 8, 1, threads))).toEqual([128, 64, 64, 32, 32]);
  expect([2, 3, 4, 8, 16].map((threads) => rowsOfUnit(2048, 1000, 8, 1, threads))).toEqual([208, 176, 128, 64, 32]);
  // None comes near: the best there is.
  expect(rowsOfUnit(256, 6144, 8, 1, 2)).toBe(40);
});

it('eight streams do not begin whole pages apart, unless rows do', () => {
  expect(rowsOfUnit(768, 1536, 8, 1, 2)).toBe(96);
  expect(rowsOfUnit(768, 1536, 4, 1, 2)).toBe(128);
  expect(rowsOfUnit(768, 4096, 8, 1, 2)).toBe(128);
});

it('is a multiple of 8 from 32 on, and of large units there are enough', () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 40000 }), fc.integer({ min: 1, max: 1 << 18 }));
  fc.assert(
    fc.property(sizes, fc.constantFrom(4, 8), fc.integer({ min: 1, max: 128 }), ([rows, bytes], streams, threads) => {
      const height = rowsOfUnit(rows, bytes, streams as 4 | 8, 1, threads);
      expect(height % 8).toBe(0);
      expect(height).toBeGreaterThanOrEqual(32);
      if (height === 32) return;
      expect(height * bytes).toBeLessThanOrEqual(1 << 20);
      expect(rows / height).toBeGreaterThanOrEqual(threads === 1 ? 1 : 3 * threads);
    }),
  );
});
