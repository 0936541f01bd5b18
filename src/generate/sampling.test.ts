import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from './random.js';
import { type SamplingOptions, sample, samplingDefaults, samplingOptions } from './sampling.js';

const at = (point: number) => ({ next: () => point });
/** Which tokens can be drawn at all. */
const possible = (logits: Float32Array, options: Partial<SamplingOptions>, history: number[] = []) =>
  new Set(Array.from({ length: 1000 }, (_, i) => sample(logits, options, at(i / 1000), history)));

const logitsOf = fc
  .array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 20 })
  .map((x) => Float32Array.from(x, (v) => v / 10));

describe('sample', () => {
  it('takes the first most likely token at temperature 0', () => {
    expect(sample(Float32Array.of(1, 3, 3, 2), { temperature: 0 }, at(0.9))).toBe(1);
    expect(sample(Float32Array.of(-1, -3), { temperature: 0, repetitionPenalty: 4 }, at(0), [0, 0])).toBe(1);
    expect(sample(Float32Array.of(4, 3), { temperature: 0, repetitionPenalty: 2 }, at(0), [0, 99])).toBe(1);
  });

  it('keeps the k most likely and those equal to the k-th', () => {
    expect(possible(Float32Array.of(1, 3, 2, 2, 0), { topK: 2 })).toEqual(new Set([1, 2, 3]));
    expect(possible(Float32Array.of(1, 3, 2), { topK: 9 })).toEqual(new Set([0, 1, 2]));
  });

  it('keeps the fewest tokens that reach top-p, the crossing one included', () => {
    const logits = Float32Array.from([0.1, 0.5, 0.15, 0.25], Math.log);
    const kept = (topP: number) => [...possible(logits, { topP, temperature: 1 })].sort();
    expect(kept(0.45)).toEqual([1]);
    expect(kept(0.6)).toEqual([1, 3]);
    expect(kept(0.76)).toEqual([1, 2, 3]);
    expect(kept(1)).toEqual([0, 1, 2, 3]);
    // Of equals the first, and never none.
    expect(possible(Float32Array.of(1, 1, 1, 1), { topP: 0.4 })).toEqual(new Set([0, 1]));
    expect(possible(Float32Array.of(1, 2), { topP: 1e-9 })).toEqual(new Set([1]));
  });

  it('draws in proportion to exp(logit / temperature)', () => {
    fc.assert(
      fc.property(logitsOf, fc.constantFrom(0.5, 1, 2), (logits, temperature) => {
        const before = logits.slice();
        const draws = 4000;
        const counts = new Array(logits.length).fill(0);
        for (let i = 0; i < draws; i++) counts[sample(logits, { temperature }, at((i + 0.5) / draws))]++;
        const weights = Array.from(logits, (x) => Math.exp(x / temperature));
        const total = weights.reduce((a, b) => a + b);
        counts.forEach((count, i) => {
          expect(Math.abs(count - (draws * weights[i]) / total)).toBeLessThan(1.01);
        });
        expect(logits).toEqual(before);
      }),
      { numRuns: 30 },
    );
  });

  it('never draws what is ruled out, and stays inside a nucleus', () => {
    fc.assert(
      fc.property(
        logitsOf,
        fc.integer({ min: 1, max: 5 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (x, k, p) => {
          const logits = Float32Array.of(...x, Number.NEGATIVE_INFINITY);
          const id = sample(logits, { topK: k, topP: p }, new SeededRandom(k));
          expect(x.filter((other) => other > x[id]).length).toBeLessThan(k);
        },
      ),
    );
  });

  it('refuses logits that cannot be', () => {
    const wrong =
      (...x: number[]) =>
      () =>
        sample(Float32Array.of(...x), {}, at(0));
    expect(wrong(1, Number.NaN)).toThrow('expected finite logits; the weights may be damaged, got NaN for token 1');
    expect(wrong(Number.POSITIVE_INFINITY)).toThrow('got Infinity for token 0');
    expect(wrong(Number.NEGATIVE_INFINITY)).toThrow('expected a logit for at least one token, got only -Infinity');
    expect(wrong()).toThrow('expected a logit for at least one token, got none');
  });
});

describe('samplingOptions', () => {
  it('fills in the defaults', () => {
    expect(samplingOptions({ temperature: undefined, topK: 3 })).toEqual({ ...samplingDefaults, topK: 3 });
  });

  it.each([
    [{ temperature: -1 }, 'expected a temperature of 0 or more, got -1'],
    [{ temperature: Number.NaN }, 'expected a temperature of 0 or more, got NaN'],
    [{ topK: 1.5 }, 'expected a top-k of 0 (off) or more (a whole number), got 1.5'],
    [{ topP: 0 }, 'expected a top-p above 0 and at most 1, got 0'],
    [{ topP: 1.1 }, 'expected a top-p above 0 and at most 1, got 1.1'],
    [{ repetitionPenalty: 0 }, 'expected a repetition penalty above 0, got 0'],
  ])('refuses %o', (options, message) => {
    expect(() => samplingOptions(options)).toThrow(new Error(message).message);
  });
});
