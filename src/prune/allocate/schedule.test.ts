// Shares that are moved to a mean: who moves, by how much, and what the bounds allow.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withMean } from './schedule.js';

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

describe('withMean', () => {
  it.each<[number[], number, number[]]>([
    [[0.2, 0.4], 0.3, [0.2, 0.4]],
    [[0.2, 0.4], 0.35, [0.25, 0.45]],
    // The last has no room: the others share what is missing, the second as far as it can.
    [[0.5, 0.98, 0.99], 0.9, [0.72, 0.99, 0.99]],
    [[0.01, 0.01, 0.5], 0.1, [0.01, 0.01, 0.28]],
    [[0.99, 0.99], 0.995, [0.99, 0.99]],
  ])('of %j is %f: %j', (shares, target, moved) => {
    expect(withMean(shares, target)).toBeAllClose(moved, 1e-12, 0);
  });

  it('meets every mean within the bounds, in order, moving nothing that is there already', () => {
    const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(fc.array(share, { minLength: 1, maxLength: 60 }), share, (shares, target) => {
        const moved = withMean(shares, target);
        expect(mean(moved)).toBeCloseTo(target, 8);
        for (let i = 1; i < shares.length; i++)
          expect(Math.sign(moved[i] - moved[i - 1]) * Math.sign(shares[i] - shares[i - 1])).toBeGreaterThanOrEqual(0);
        expect(withMean(shares, mean(shares))).toEqual(Float64Array.from(shares));
        for (const v of moved) expect(v >= 0.01 && v <= 0.99).toBe(true);
      }),
    );
  });
});
