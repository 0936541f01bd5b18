import { expect, it } from 'vitest';
import { rowsOfUnit } from './row-blocks.js';

it('many tokens share few rows, whatever the matrix', () => {
  expect(rowsOfUnit(1 << 20, 1, 16, 1)).toBe(32);
  expect(rowsOfUnit(1 << 20, 1, 15, 1)).toBe(248);
});

it('few tokens read long streams of rows, as far as each thread has three units', () => {
  expect([743, 744].map((rows) => rowsOfUnit(rows, 1, 1, 1))).toEqual([120, 248]);
  expect([719, 720].map((rows) => rowsOfUnit(rows, 1, 1, 2))).toEqual([56, 120]);
  expect([503, 504].map((rows) => rowsOfUnit(rows, 1, 1, 3))).toEqual([32, 56]);
});

it('a unit of few tokens is a mebibyte at most', () => {
  expect([4228, 4229].map((bytes) => rowsOfUnit(1 << 20, bytes, 1, 1))).toEqual([248, 120]);
  expect([8738, 8739].map((bytes) => rowsOfUnit(1 << 20, bytes, 1, 1))).toEqual([120, 56]);
  expect([18724, 18725].map((bytes) => rowsOfUnit(1 << 20, bytes, 1, 1))).toEqual([56, 32]);
});
