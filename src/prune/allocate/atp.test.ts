// ATP's ramps: their ends, their number, and that no sparsity leaves [0, 1).

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ramps } from './atp.js';

const betas = (blocks: number, s: number) => ramps(blocks, s).map(({ beta }) => beta);

describe('ramps', () => {
  it('rise around s, by one β from block to block', () => {
    const [first, second] = ramps(3, 0.6);
    expect([first.beta, second.beta]).toEqual([0.002, 0.004]);
    expect(first.sparsities).toBeAllClose([0.598, 0.6, 0.602], 1e-15, 0);
    expect(ramps(4, 0.5)[0].sparsities).toBeAllClose([0.497, 0.499, 0.501, 0.503], 1e-15, 0);
  });

  it('end before a sparsity is 1, and with one that is 0', () => {
    // Half a span of 5.5·β: below 0.0055 + 0.3 = 1 fails from 0.056 on.
    expect(betas(12, 0.7).at(-1)).toBe(0.054);
    // 0.5 + 5·0.1 is 1; 0.3 − 3·0.1 is 0, though not in binary.
    expect(betas(11, 0.5).at(-1)).toBe(0.098);
    expect(ramps(7, 0.3).at(-1)).toMatchObject({ beta: 0.1 });
    expect(ramps(7, 0.3).at(-1)?.sparsities[0]).toBe(0);
  });

  it.each([
    [1, 0.7],
    [1000, 0.7],
    [5, 0.001],
    [8, 0],
  ])('of %i blocks at %f is flat: there is no other', (blocks, s) => {
    expect(ramps(blocks, s)).toEqual([{ beta: 0, sparsities: new Array(blocks).fill(s) }]);
  });

  it('are all that there are, each with mean s and its own step', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 120 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (blocks, s) => {
        const found = ramps(blocks, s);
        const middle = (blocks - 1) / 2;
        for (const [k, { beta, sparsities }] of found.entries()) {
          if (beta > 0) expect(String(beta)).toBe(String(Math.round(2 * (k + 1)) / 1000));
          expect(sparsities).toHaveLength(blocks);
          expect(Math.min(...sparsities)).toBeGreaterThanOrEqual(0);
          expect(Math.max(...sparsities)).toBeLessThan(1);
          expect(sparsities.reduce((a, b) => a + b) / blocks).toBeCloseTo(s, 10);
          for (let b = 1; b < blocks; b++) expect(sparsities[b] - sparsities[b - 1]).toBeCloseTo(beta, 10);
        }
        const next = found[found.length - 1].beta + 0.002;
        expect(s - next * middle < 1e-10 || s + next * middle > 1 - 1e-10).toBe(true);
      }),
    );
  });
});
