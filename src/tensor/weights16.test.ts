// 16-bit weights lose no bit, or are not taken: held against the conversions of checkpoints.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { narrowBF16, narrowF16, widenBF16, widenF16 } from './half.js';
import { liftF16, patternOf, patternsOf, valuesOf, WEIGHTS_16 } from './weights16.js';

const widenings = { bf16: widenBF16, f16: widenF16 };
const narrowings = { bf16: narrowBF16, f16: narrowF16 };

describe.each(WEIGHTS_16)('%s', (dtype) => {
  it('every number of a checkpoint in that dtype comes back, or all are refused', () => {
    const [stored, values] = [Uint16Array.from({ length: 65536 }, (_, i) => i), new Float32Array(65536)];
    widenings[dtype](stored, values);
    const largest = dtype === 'f16' ? 64 : Number.POSITIVE_INFINITY;
    for (const value of values) {
      const one = Float32Array.of(value);
      const patterns = patternsOf(dtype, one);
      // NaN payloads aside, which are numbers nowhere.
      if (dtype === 'bf16' || Math.abs(value) < largest)
        expect(Object.is(valuesOf(dtype, patterns as Uint16Array)[0], value) || Number.isNaN(value)).toBe(true);
      else expect(patterns).toBeNull();
    }
  });

  it('what it cannot hold is refused, however little is lost', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 9 }), (numbers) => {
        const values = Float32Array.from(numbers);
        const [near, back] = [new Uint16Array(values.length), new Float32Array(values.length)];
        narrowings[dtype](values, near);
        widenings[dtype](near, back);
        const patterns = patternsOf(dtype, values);
        if (patterns) expect(valuesOf(dtype, patterns)).toEqual(values);
        else expect(values.every((v, i) => Object.is(v, back[i]) && Math.abs(v) < 64)).toBe(false);
      }),
    );
  });

  it('a number is the nearest pattern', () => {
    expect(valuesOf(dtype, Uint16Array.of(patternOf(dtype, -2.5)))).toEqual(Float32Array.of(-2.5));
    expect(valuesOf(dtype, Uint16Array.of(patternOf(dtype, 1.0001)))).toEqual(Float32Array.of(1));
  });
});

it('f16 has no subnormal patterns: not for its own smallest number', () => {
  const [pattern] = patternsOf('f16', Float32Array.of(2 ** -24)) as Uint16Array;
  expect(pattern & 0x7c00).not.toBe(0);
});

it('patterns of f16 are lifted as their numbers are, each of them, or refused', () => {
  for (let pattern = 0; pattern < 65536; pattern++) {
    const [stored, value] = [Uint16Array.of(pattern), new Float32Array(1)];
    widenF16(stored, value);
    const finite = Number.isFinite(value[0]);
    expect(liftF16(stored), String(pattern)).toEqual(finite ? patternsOf('f16', value) : null);
  }
});

it('patterns of f16 are lifted alike wherever they lie, and in company', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(65535), { maxLength: 30 }), fc.nat(3), (numbers, offset) => {
      const memory = Uint16Array.from([...Array(offset).fill(0), ...numbers]);
      const each = numbers.map((n) => liftF16(Uint16Array.of(n)));
      const expected = each.includes(null) ? null : Uint16Array.from(each.map((one) => (one as Uint16Array)[0]));
      expect(liftF16(memory.subarray(offset))).toEqual(expected);
    }),
  );
});

it('of dtypes that are no patterns the number itself', () => {
  expect(['f32', 'f64', 'i32'].map((dtype) => patternOf(dtype as 'f32', 3))).toEqual([3, 3, 3]);
});
