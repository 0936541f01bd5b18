import fc from 'fast-check';
import { expect, test } from 'vitest';
import { narrowE4M3, narrowE5M2, widenE4M3, widenE5M2 } from './float8.js';

const e4m3 = { name: 'E4M3', widen: widenE4M3, narrow: narrowE4M3, mantissaBits: 3, bias: 7, last: 0x7e, beyond: 0x7f };
const e5m2 = {
  name: 'E5M2',
  widen: widenE5M2,
  narrow: narrowE5M2,
  mantissaBits: 2,
  bias: 15,
  last: 0x7b,
  beyond: 0x7c,
};
const formats = [e4m3, e5m2];
type Format = (typeof formats)[number];
const all = Uint8Array.from({ length: 256 }, (_, i) => i);

/** Magnitude of the pattern by the definition of the formats, were its largest exponent one like the others. */
function magnitudeOf(pattern: number, { mantissaBits, bias }: Format): number {
  const exponent = pattern >> mantissaBits;
  const units = pattern - (exponent << mantissaBits);
  const significand = exponent === 0 ? units : units + 2 ** mantissaBits;
  return significand * 2 ** (Math.max(exponent, 1) - bias - mantissaBits);
}

function byDefinition(pattern: number, format: Format): number {
  const magnitude = pattern % 128;
  const special = format.name === 'E5M2' && magnitude === 0x7c ? Infinity : Number.NaN;
  return (pattern < 128 ? 1 : -1) * (magnitude > format.last ? special : magnitudeOf(magnitude, format));
}

test.each(formats)('every $name pattern widens to its value and comes back', (format) => {
  const wide = new Float32Array(256);
  format.widen(all, wide);
  expect([...wide]).toEqual([...all].map((pattern) => byDefinition(pattern, format)));
  const back = new Uint8Array(256);
  format.narrow(wide, back);
  // Of the NaNs one comes back; JavaScript does not keep their signs.
  const expected = [...all].map((p) => (Number.isNaN(byDefinition(p, format)) ? 0x7f : p));
  expect([...back].map((p) => (Number.isNaN(byDefinition(p, format)) ? 0x7f : p))).toEqual(expected);
});

/** Nearest by trying all patterns, ties to the even one; `beyond` stands where the next number would. */
function nearest(value: number, format: Format): number {
  let best = 0;
  const distance = (p: number) => Math.abs(Math.abs(value) - magnitudeOf(p, format));
  for (let p = 1; p <= format.last + 1; p++)
    if (distance(p) < distance(best) || (distance(p) === distance(best) && p % 2 === 0)) best = p;
  return (value < 0 || Object.is(value, -0) ? 0x80 : 0) + (best > format.last ? format.beyond : best);
}

test.each(formats)('$name rounds any finite number to the nearest', (format) => {
  const out = new Uint8Array(1);
  const any = fc.oneof(
    fc.float({ noNaN: true, min: -70000, max: 70000 }),
    fc.float({ noNaN: true, min: -500, max: 500 }),
    fc.float({ noNaN: true, min: Math.fround(-0.05), max: Math.fround(0.05) }),
    // Halfway between two neighbours, and one f32 step to either side.
    fc.tuple(fc.integer({ min: 0, max: format.last }), fc.integer({ min: -1, max: 1 })).map(([p, step]) => {
      const middle = Float32Array.of((magnitudeOf(p, format) + magnitudeOf(p + 1, format)) / 2);
      new Uint32Array(middle.buffer)[0] += step;
      return middle[0];
    }),
  );
  fc.assert(
    fc.property(any, fc.boolean(), (magnitude, negative) => {
      const value = negative ? -magnitude : magnitude;
      format.narrow(Float32Array.of(value), out);
      expect(out[0]).toBe(nearest(value, format));
    }),
    { numRuns: 5000 },
  );
});

test.each(formats)('numbers far beyond the range of $name', (format) => {
  const values = Float32Array.of(1e30, -1e30, 3.4028234e38, Infinity, -Infinity, 1e-38, -1e-38, 1e-45);
  const out = new Uint8Array(values.length);
  format.narrow(values, out);
  const { beyond } = format;
  expect([...out]).toEqual([beyond, 0x80 + beyond, beyond, beyond, 0x80 + beyond, 0, 0x80, 0]);
});

// Computed by PyTorch 2.13; D is float8_e4m3fn or float8_e5m2:
// python3 -c "import torch; print(torch.tensor([...]).to(torch.D).view(torch.uint8).tolist())"
test('what PyTorch makes of the same numbers', () => {
  const golden: [number, number, number][] = [
    [448, 0x7e, 95],
    [463.99997, 0x7e, 95],
    [464, 0x7e, 95],
    [2 ** -9, 1, 24],
    [2 ** -10, 0, 20],
    [2 ** -10 * 1.0000001, 1, 20],
    [1.5 * 2 ** -9, 2, 26],
    [2.5 * 2 ** -9, 2, 29],
    [2 ** -6 - 2 ** -11, 8, 36],
    [2 ** -16, 0, 1],
    [2 ** -17, 0, 0],
    [1.5 * 2 ** -16, 0, 2],
    [2.5 * 2 ** -16, 0, 2],
    [1 + 2 ** -4, 56, 60],
    [1 + 3 * 2 ** -4, 58, 61],
    [1 + 2 ** -3, 57, 60],
    [1 + 3 * 2 ** -3, 59, 62],
    [0.1, 29, 46],
    [-0.1, 157, 174],
    [-3.7, 199, 195],
    [-0, 128, 128],
  ];
  const values = Float32Array.from(golden, ([value]) => value);
  const out = new Uint8Array(values.length);
  narrowE4M3(values, out);
  expect([...out]).toEqual(golden.map(([, pattern]) => pattern));
  narrowE5M2(values, out);
  expect([...out]).toEqual(golden.map(([, , pattern]) => pattern));
  narrowE5M2(Float32Array.of(57344, 61439.996, 61440, -61440), out.subarray(0, 4));
  expect([...out.subarray(0, 4)]).toEqual([123, 123, 124, 252]);
});

test('E4M3 turns what is out of range into NaN, where PyTorch 2.13 takes the largest number', () => {
  const out = new Uint8Array(3);
  narrowE4M3(Float32Array.of(464, 464.00003, -464.00003), out);
  expect([...out]).toEqual([0x7e, 0x7f, 0xff]);
});

test('arrays of different lengths are refused', () => {
  expect(() => widenE4M3(new Uint8Array(2), new Float32Array(3))).toThrow('expected room for 2 values, got 3');
  expect(() => narrowE5M2(new Float32Array(3), new Uint8Array(2))).toThrow('expected room for 3 values, got 2');
});
