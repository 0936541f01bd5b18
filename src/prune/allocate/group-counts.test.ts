// n:m patterns from sparsities of blocks: whole numbers that together keep the sparsity of the model.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupCounts as countsOf } from './group-counts.js';

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** Counts that keep what the sparsities come to. */
const groupCounts = (sparsities: readonly number[], m: number) =>
  countsOf(sparsities, m, Math.round(sum(sparsities.map((s) => m * s))));

describe('groupCounts', () => {
  it.each<[number[], number, number[]]>([
    [[0.5, 0.5, 0.5], 4, [2, 2, 2]],
    // 1.6 2 2.4: the first has the largest remainder.
    [[0.4, 0.5, 0.6], 4, [2, 2, 2]],
    // 1.5 2.5 1.5 2.5 add up to 8, with two to give: the lower blocks.
    [[0.375, 0.625, 0.375, 0.625], 4, [2, 3, 1, 2]],
    [[0.3, 0.7], 8, [2, 6]],
    [[0, 0.01], 4, [0, 0]],
  ])('of %j with m = %i are %j', (sparsities, m, counts) => {
    expect(groupCounts(sparsities, m)).toEqual(counts);
  });

  it('are m − 1 at most; what a block cannot lose others do, round after round', () => {
    expect(groupCounts([0.99, 0.99, 0.5], 4)).toEqual([3, 3, 3]); // 3.96 3.96 2: ten, and nine is all there is
    expect(groupCounts([0.99, 0.99, 0.99, 0.99, 0.05], 4)).toEqual([3, 3, 3, 3, 3]); // 16.04, 15 at most
    expect(groupCounts([0.98, 0.98, 0.98, 0.02], 8)).toEqual([7, 7, 7, 3]); // 23.68: 24
  });

  const m = fc.constantFrom(2, 4, 8, 16);
  const sparsities = (max: number) =>
    fc.array(fc.double({ min: 0, max, noNaN: true }), { minLength: 1, maxLength: 100 });

  it('add up to round(Σ m·s), or to the most there is', () => {
    fc.assert(
      fc.property(m, sparsities(0.999), (m, shares) => {
        const counts = groupCounts(shares, m);
        expect(sum(counts)).toBe(Math.min(Math.round(sum(shares.map((s) => m * s))), shares.length * (m - 1)));
        for (const n of counts) expect(Number.isInteger(n) && n >= 0 && n < m).toBe(true);
      }),
    );
  });

  it('are less than one off, where no share is above m − 1', () => {
    fc.assert(
      fc.property(m, sparsities(1), (m, shares) => {
        const possible = shares.map((s) => (s * (m - 1)) / m);
        for (const [b, n] of groupCounts(possible, m).entries())
          expect(Math.abs(n - m * possible[b])).toBeLessThan(1 + 1e-8);
      }),
    );
  });

  it('do not fall where sparsities rise and no two remainders are equal', () => {
    // Of equal whole parts the higher block has the larger remainder, and of others one more is not enough to overtake.
    fc.assert(
      fc.property(
        m,
        fc.uniqueArray(fc.integer({ min: 0, max: 9_999 }), { maxLength: 60, selector: (t) => t % 625 }),
        (m, t) => {
          const rising = t.sort((a, b) => a - b).map((v) => v / 10_000);
          const counts = groupCounts(rising, m);
          expect(counts).toEqual(counts.toSorted((a, b) => a - b));
        },
      ),
    );
  });

  it.each<[number[], number, number, number[]]>([
    // 1:8 with a first block clamped from below: 0.08 2, where two are to go of sixteen.
    [[0.01, 0.25], 8, 2, [0, 2]],
    // 7:8 from 5 to 9 of 8, the last clamped: the others lose more.
    [[0.625, 0.875, 0.99], 8, 21, [7, 7, 7]],
    [[0.01, 0.01, 0.55], 8, 3, [0, 0, 3]],
  ])('of %j with m = %i come to %i: %j', (sparsities, m, total, counts) => {
    expect(countsOf(sparsities, m, total)).toEqual(counts);
  });
});
