// Against what the steps of compressed-tensors, written down in PyTorch, make of the same weights (make_sparse_cases.py),
// byte for byte, both ways.

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { maskStride } from '../../tensor/bitmask.js';
import { type StoredDtype, sizeOf, valueBytes } from '../stored-dtype.js';
import { checkedOffsets, expand } from './decode.js';
import { compress, countNonZeros, maskOf } from './encode.js';
import { patternsOf } from './patterns.js';

interface Case {
  dtype: StoredDtype;
  shape: [number, number];
  dense: string;
  compressed: string;
  bitmask: string;
  row_offsets: string;
}

const cases: Case[] = JSON.parse(await readFile(new URL('sparse-cases.json', import.meta.url), 'utf8'));
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64')).buffer;
const textOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString('base64');

test.each(cases.map((c) => [`${c.dtype} ${c.shape.join('×')}`, c] as const))('%s', (_, golden) => {
  const [rows, columns] = golden.shape;
  const width = valueBytes[golden.dtype];
  const weights = patternsOf(bytesOf(golden.dense), width);
  const mask = maskOf(weights, rows, columns);
  const values = compress(weights, columns, mask);
  expect(textOf(values)).toBe(golden.compressed);
  expect(textOf(mask.bitmask)).toBe(golden.bitmask);
  expect(textOf(mask.rowOffsets)).toBe(golden.row_offsets);
  expect([countNonZeros(weights), mask.nonZeros]).toEqual([values.length, values.length]);

  const stored = patternsOf(bytesOf(golden.compressed), width);
  const offsets = checkedOffsets(new BigInt64Array(bytesOf(golden.row_offsets)), stored.length, 'x');
  const out = patternsOf(new ArrayBuffer(width * sizeOf(golden.shape)), width);
  const bitmask = new Uint8Array(bytesOf(golden.bitmask));
  expect(bitmask).toHaveLength(rows * maskStride(columns));
  expand(bitmask, { first: 0, columns }, offsets, stored, out, 'x');
  const negative = width === 8 ? 1n << 63n : 2 ** (8 * width - 1);
  // −0 is a zero: it comes back as +0.
  const zero = width === 8 ? 0n : 0;
  expect(Array.from(out as Uint8Array)).toEqual(
    Array.from(weights as Uint8Array, (w) => ((w as unknown) === negative ? zero : w)),
  );
});
