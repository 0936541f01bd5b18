import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toInt8 } from './int8.js';

test('a row by hand: ties to even, zeros, and a scale that is rounded up', () => {
  // 127/127 = 1; 0.5 and 1.5 are ties.
  const { values, scale } = toInt8(Float32Array.of(127, 0.5, -1.5, 2.5, -0.4, 0, 0, 0, 0, 0), 2, 5);
  expect([...values]).toEqual([127, 0, -2, 2, 0, 0, 0, 0, 0, 0]);
  expect([...scale]).toEqual([1, 0]);
  // 1/127 rounds down in f32.
  const [up] = toInt8(Float32Array.of(1), 1, 1).scale;
  expect(up).toBeGreaterThan(Math.fround(1 / 127));
  expect(up * 127).toBeGreaterThanOrEqual(1);
});

test('no weight is further than half a scale from its value, down to the smallest numbers of f32', () => {
  const tiny = fc.integer({ min: -400, max: 400 }).map((k) => k * 2 ** -149);
  const weight = fc.oneof(
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    tiny,
    fc.float({ min: -1, max: 1, noNaN: true }),
  );
  fc.assert(
    fc.property(fc.array(weight, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 3 }), (row, rows) => {
      const weights = Float32Array.from(Array.from({ length: rows }, (_, r) => row.map((w) => w / (r + 1))).flat());
      const { values, scale } = toInt8(weights, rows, row.length);
      for (const [i, w] of weights.entries()) {
        const step = scale[Math.floor(i / row.length)];
        expect(Math.abs(values[i])).toBeLessThanOrEqual(127);
        expect(Math.abs(w - values[i] * step)).toBeLessThanOrEqual(step / 2);
      }
    }),
    { numRuns: 1000 },
  );
});
