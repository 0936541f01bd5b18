import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CheckpointError } from '../errors.js';
import { decodeFloats, encodeFloats, type FloatDtype, firstNonFinite } from './float-dtype.js';
import type { StoredDtype } from './stored-dtype.js';

test('F64 is rounded to the nearest f32', () => {
  const stored = Float64Array.of(0.1, -1e-300, 1 + 2 ** -24, 1 + 3 * 2 ** -24, 1e39, Number.NaN);
  const values = decodeFloats(stored.buffer, 'F64');
  expect([...values]).toEqual([Math.fround(0.1), -0, 1, 1 + 2 ** -22, Infinity, Number.NaN]);
  expect(firstNonFinite(stored)).toBe(5);
  expect(firstNonFinite(values)).toBe(4);
});

const dtypes: [FloatDtype, number][] = [
  ['F64', 8],
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['F8_E4M3', 1],
  ['F8_E5M2', 1],
];

test.each(dtypes)('what %s can hold comes back from it, bit for bit', (dtype, width) => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true, min: -400, max: 400 })), (numbers) => {
      const once = encodeFloats(Float32Array.from(numbers), dtype);
      expect(once.length).toBe(width * numbers.length);
      const held = decodeFloats(Uint8Array.from(once).buffer, dtype);
      expect(encodeFloats(held, dtype)).toEqual(once);
      if (width >= 4) expect([...held]).toEqual(numbers);
    }),
  );
});

test('the bytes are little endian, and those of F32 a copy', () => {
  const one = Float32Array.of(1);
  expect([...encodeFloats(one, 'F64')]).toEqual([0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
  expect([...encodeFloats(one, 'F8_E4M3')]).toEqual([0x38]);
  expect([...encodeFloats(one, 'F8_E5M2')]).toEqual([0x3c]);
  const bytes = encodeFloats(one, 'F32');
  one[0] = 2;
  expect([...bytes]).toEqual([0, 0, 0x80, 0x3f]);
});

test.each(['I64', 'BOOL', 'U8'] satisfies StoredDtype[])('%s is no float', (dtype) => {
  expect(() => encodeFloats(new Float32Array(1), dtype)).toThrow(CheckpointError);
  expect(() => encodeFloats(new Float32Array(1), dtype)).toThrow(
    `expected weights stored as F64, F32, F16, BF16, F8_E4M3 or F8_E5M2, got ${dtype}, in encodeFloats`,
  );
});
