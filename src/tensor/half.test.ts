import fc from 'fast-check';
import { expect, test } from 'vitest';
import { narrowBF16, narrowF16, widenBF16, widenF16 } from './half.js';

const formats = [
  { name: 'f16', widen: widenF16, narrow: narrowF16, infinity: 0x7c00, exponentBits: 5, mantissaBits: 10 },
  { name: 'bf16', widen: widenBF16, narrow: narrowBF16, infinity: 0x7f80, exponentBits: 8, mantissaBits: 7 },
];
const all = Uint16Array.from({ length: 65536 }, (_, i) => i);

/** The value of a pattern by the definition of the format, in f64. */
function byDefinition(pattern: number, exponentBits: number, mantissaBits: number): number {
  const sign = pattern & 0x8000 ? -1 : 1;
  const exponent = (pattern & 0x7fff) >> mantissaBits;
  const fraction = (pattern & ((1 << mantissaBits) - 1)) / 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction) * 2 ** (exponent - bias) : fraction * 2 ** (1 - bias));
}

// First of all: what has many numbers to widen leaves a table behind.
test.each(formats)('every $name pattern widens to its value among few', ({ widen, exponentBits, mantissaBits }) => {
  for (let from = 0; from < 65536; from += 4096) {
    const wide = new Float32Array(4096);
    widen(all.subarray(from, from + 4096), wide);
    const wrong = wide.filter((value, i) => !Object.is(value, byDefinition(from + i, exponentBits, mantissaBits)));
    expect(wrong).toHaveLength(0);
  }
});

test.each(formats)('every $name pattern widens to its value and comes back', (format) => {
  const wide = new Float32Array(65536);
  format.widen(all, wide);
  const wrong = all.filter((p) => !Object.is(wide[p], byDefinition(p, format.exponentBits, format.mantissaBits)));
  expect(wrong).toHaveLength(0);
  const back = new Uint16Array(65536);
  format.narrow(wide, back);
  expect(back).toEqual(all);
});

/** Nearest by search among all finite patterns, ties to the even pattern, beyond the last half step infinity. */
function nearest(value: number, { infinity, exponentBits, mantissaBits }: (typeof formats)[number]): number {
  const magnitude = Math.abs(value);
  const last = byDefinition(infinity - 1, exponentBits, mantissaBits);
  const step = last - byDefinition(infinity - 2, exponentBits, mantissaBits);
  // Infinity stands where the next number would.
  const at = (p: number) => (p === infinity ? last + step : byDefinition(p, exponentBits, mantissaBits));
  let low = 0;
  let high = infinity;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (at(middle) <= magnitude) low = middle;
    else high = middle;
  }
  const below = magnitude - at(low);
  const above = at(high) - magnitude;
  const pattern = below < above || (below === above && low % 2 === 0) ? low : high;
  return (value < 0 || Object.is(value, -0) ? 0x8000 : 0) | pattern;
}

test.each(formats)('$name rounds any finite number to the nearest', (format) => {
  const out = new Uint16Array(1);
  const any = fc.oneof(
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.float({ noNaN: true, min: -70000, max: 70000 }),
    fc.float({ noNaN: true, min: Math.fround(-1e-4), max: Math.fround(1e-4) }),
    // Halfway between two neighbours, and one f32 step to either side.
    fc.tuple(fc.integer({ min: 0, max: format.infinity - 2 }), fc.integer({ min: -1, max: 1 })).map(([p, step]) => {
      const middle = Float32Array.of(
        (byDefinition(p, format.exponentBits, format.mantissaBits) +
          byDefinition(p + 1, format.exponentBits, format.mantissaBits)) /
          2,
      );
      const bits = new Uint32Array(middle.buffer);
      bits[0] += step;
      return middle[0];
    }),
  );
  fc.assert(
    fc.property(any, (value) => {
      format.narrow(Float32Array.of(value), out);
      expect(out[0]).toBe(nearest(value, format));
    }),
    { numRuns: 5000 },
  );
});

test('the edges of f16', () => {
  const cases: [number, number][] = [
    [65504, 0x7bff],
    [65519.996, 0x7bff],
    [65520, 0x7c00],
    [-65520, 0xfc00],
    [1e30, 0x7c00],
    [Infinity, 0x7c00],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [2 ** -25 * 1.0000001, 0x0001],
    [1.5 * 2 ** -24, 0x0002],
    [2.5 * 2 ** -24, 0x0002],
    [2 ** -14 - 2 ** -26, 0x0400],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [-0, 0x8000],
    [Number.NaN, 0x7e00],
  ];
  const out = new Uint16Array(cases.length);
  narrowF16(
    Float32Array.from(cases, ([value]) => value),
    out,
  );
  expect([...out]).toEqual(cases.map(([, pattern]) => pattern));
});

test('the edges of bf16', () => {
  const cases: [number, number][] = [
    [1 + 2 ** -8, 0x3f80],
    [1 + 3 * 2 ** -8, 0x3f82],
    [1 + 2 ** -8 + 2 ** -20, 0x3f81],
    [3.4028234e38, 0x7f80],
    [-3.4028234e38, 0xff80],
    [-0, 0x8000],
    [-Infinity, 0xff80],
  ];
  const out = new Uint16Array(cases.length);
  narrowBF16(
    Float32Array.from(cases, ([value]) => value),
    out,
  );
  expect([...out]).toEqual(cases.map(([, pattern]) => pattern));
});

test('a NaN whose payload lies in the dropped bits stays a NaN', () => {
  const values = new Float32Array(1);
  new Uint32Array(values.buffer)[0] = 0x7f800001;
  const out = new Uint16Array(1);
  narrowF16(values, out);
  expect(out[0]).toBe(0x7e00);
  narrowBF16(values, out);
  expect(out[0]).toBe(0x7fc0);
});

test('arrays of different lengths are refused', () => {
  expect(() => widenF16(new Uint16Array(2), new Float32Array(3))).toThrow('expected room for 2 values, got 3');
});
