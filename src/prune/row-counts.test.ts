// Exact counts: a layer loses what its sparsity says, to the weight, and no row is a whole weight off its share.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactCounts } from './row-counts.js';

const sum = (counts: Int32Array) => counts.reduce((a, b) => a + b, 0);

describe('exactCounts', () => {
  it('of one sparsity: the lower rows lose one more', () => {
    // 5 · 89.6 = 448 = 5 · 89 + 3
    expect([...exactCounts(128, 0.7, 5)]).toEqual([90, 90, 90, 89, 89]);
    expect([...exactCounts(10, 0.7, 3)]).toEqual([7, 7, 7]);
    expect([...exactCounts(100, 0.29, 3)]).toEqual([29, 29, 29]); // 100 · 0.29 = 28.999999999999996
    expect([...exactCounts(8, 0, 2)]).toEqual([0, 0]);
  });

  it('of a sparsity for each row: the largest remainders lose one more', () => {
    // 1.2 3.9 2.4 2.5: 10 of them, where the whole parts are 8.
    expect([...exactCounts(10, Float64Array.of(0.12, 0.39, 0.24, 0.25), 4)]).toEqual([1, 4, 2, 3]);
  });

  it('takes remainders for equal that differ by rounding', () => {
    // 10·0.07, 10·0.37 and 10·0.57 all have the remainder 0.7, and not one of them the same bits.
    const shares = [0.07, 0.57, 0.37];
    expect(new Set(shares.map((s) => (10 * s) % 1)).size).toBe(3);
    expect([...exactCounts(10, Float64Array.from(shares), 3)]).toEqual([1, 6, 3]);
    expect([...exactCounts(10, Float64Array.from(shares).reverse(), 3)]).toEqual([4, 6, 0]);
  });

  const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const columns = fc.integer({ min: 1, max: 30_000 });

  it('of one sparsity add up to round(numel·s), all within one, and fall', () => {
    fc.assert(
      fc.property(columns, share, fc.integer({ min: 1, max: 200 }), (n, s, rows) => {
        const counts = exactCounts(n, s, rows);
        expect(sum(counts)).toBe(Math.round(rows * n * s));
        expect(counts[0] - counts[rows - 1]).toBeLessThanOrEqual(1);
        expect(counts).toEqual(counts.toSorted().reverse());
        expect(counts[0]).toBeLessThanOrEqual(n);
      }),
    );
  });

  it('of rows add up to the rounded sum, each less than one off its share, within the row', () => {
    const rows = fc.array(fc.oneof(share, fc.constantFrom(0.1, 0.25, 0.7, 0.99)), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(columns, rows, (n, shares) => {
        const counts = exactCounts(n, Float64Array.from(shares), shares.length);
        const quotas = shares.map((s) => n * s);
        expect(sum(counts)).toBe(Math.round(quotas.reduce((a, b) => a + b)));
        for (const [r, count] of counts.entries()) {
          expect(Math.abs(count - quotas[r])).toBeLessThan(1 + 1e-8);
          expect(count).toBeGreaterThanOrEqual(0);
          expect(count).toBeLessThanOrEqual(n);
        }
      }),
    );
  });

  it('gives the extra weight to no row before one with a larger remainder', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 50 }), (thousandths) => {
        const counts = exactCounts(
          100,
          Float64Array.from(thousandths, (t) => t / 1000),
          thousandths.length,
        );
        const tenths = thousandths.map((t) => t % 10);
        const extra = [...counts].map((count, r) => count - Math.floor(thousandths[r] / 10));
        for (const [a, one] of extra.entries())
          for (const [b, other] of extra.entries())
            if (one === 0 && other === 1)
              expect(tenths[b] > tenths[a] || (tenths[b] === tenths[a] && b < a)).toBe(true);
      }),
    );
  });
});
