import { expect, it } from 'vitest';
import { rowsOfUnit } from './row-blocks.js';

it('many tokens share few rows, whatever the matrix', () => {
  expect(rowsOfUnit(1 << 20, 1, 16, 1)).toBe(32);
  expect(rowsOfUnit(1 << 20, 1, 15, 1)).toBe(248);
});

it('one thread reads the longest streams, in a mebibyte at most', () => {
  expect([300, 2048, 32000].map((rows) => rowsOfUnit(rows, 3072, 1, 1))).toEqual([248, 248, 248]);
  expect([4228, 8192, 16384, 1 << 20].map((bytes) => rowsOfUnit(32000, bytes, 1, 1))).toEqual([248, 128, 64, 32]);
});

it('several threads have as many units each, three at least, as far as there are 32 rows for each', () => {
  const unitsOf = (rows: number, threads: number) => Math.ceil(rows / rowsOfUnit(rows, 1000, 1, threads));
  expect([512, 768, 2048, 32000].map((rows) => unitsOf(rows, 2))).toEqual([6, 6, 10, 130]);
  expect([768, 2048].map((rows) => unitsOf(rows, 4))).toEqual([12, 12]);
  expect(rowsOfUnit(768, 1000, 1, 16)).toBe(32);
});

it('streams do not begin whole pages apart, unless rows do', () => {
  expect(rowsOfUnit(768, 1536, 1, 2)).toBe(8 * 17);
  expect(rowsOfUnit(768, 1552, 1, 2)).toBe(8 * 16);
  expect(rowsOfUnit(768, 4096, 1, 2)).toBe(8 * 16);
});
