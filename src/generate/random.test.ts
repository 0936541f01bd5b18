import { describe, expect, it } from 'vitest';
import { SeededRandom } from './random.js';

const first = (seed: number, n: number) => {
  const random = new SeededRandom(seed);
  return Array.from({ length: n }, () => random.next());
};

describe('SeededRandom', () => {
  it('repeats itself, and differs from seed to seed', () => {
    expect(first(7, 5)).toEqual(first(7, 5));
    const starts = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER].map((seed) => first(seed, 1)[0]);
    expect(new Set(starts).size).toBe(starts.length);
  });

  it('gives the same numbers on every machine and in every version', () => {
    expect(first(0, 3)).toEqual([0.41675133643789375, 0.945012406329252, 0.7858920282647176]);
  });

  it('fills [0, 1) evenly', () => {
    const numbers = first(3, 100_000);
    const bins = new Array(10).fill(0);
    for (const x of numbers) bins[Math.floor(x * 10)]++;
    for (const bin of bins) expect(Math.abs(bin - 10_000)).toBeLessThan(400);
  });

  it('refuses other seeds', () => {
    expect(() => new SeededRandom(-1)).toThrow('expected a seed from 0 to 9007199254740991 (a whole number), got -1');
    expect(() => new SeededRandom(0.5)).toThrow('got 0.5');
  });
});
