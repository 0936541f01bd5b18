// DSnoT's swaps: by hand, against PyTorch (reference-cases.json, made by make_reference_cases.py), and against the definition in
// plain loops, which sorts whole rows, wherever ties, zeros and short orders could make a difference.

import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dsnot, type InputMoments, type SwapLimits } from './dsnot.js';

interface Case {
  rows: number;
  columns: number;
  weight: string;
  activations: string;
  mean: string;
  variance: string;
  before: string;
  after: string;
}
const { dsnot: cases } = JSON.parse(await readFile(new URL('reference-cases.json', import.meta.url), 'utf8'));
const floats = (text: string) => new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);
const bits = (text: string) => Uint8Array.from(text, Number);

/** One row whose weights are all 1, so that contributions are the means and |W|·a the activations. */
function swapped(kept: string, mean: number[], rest: Partial<Record<'a' | 'variance', number[]>>, limits?: SwapLimits) {
  const mask = bits(kept);
  const ones = new Float32Array(mask.length).fill(1);
  const moments = {
    activations: rest.a ? Float32Array.from(rest.a) : ones,
    mean: Float64Array.from(mean),
    variance: Float64Array.from(rest.variance ?? ones),
  };
  dsnot(mask, ones, moments, 1, mask.length, limits);
  return mask.join('');
}

describe('dsnot', () => {
  it('of an error above 0: the pruned weight that contributes most comes back, the kept one below 0 with the least score goes', () => {
    // Pruned 2 + 1; then 2 back, −0.5 (a = 1) gone: error 3 − 0.5 − 2 = 0.5; then 1 back, −0.25 gone: −0.75.
    const mean = [2, 1, -0.25, -0.5, 4];
    const a = [9, 9, 2, 1, 3];
    expect(swapped('00111', mean, { a }, { cycles: 1 })).toBe('10101');
    expect(swapped('00111', mean, { a }, { cycles: 2 })).toBe('11001');
    expect(swapped('00111', mean, { a }, { threshold: 0.5 })).toBe('10101');
    expect(swapped('00111', mean, { a }, { threshold: 3 })).toBe('00111');
    // The second swap would turn 0.5 to −0.75.
    expect(swapped('00111', mean, { a }, { sameSign: true })).toBe('10101');
  });

  it('of an error below 0: all of it mirrored', () => {
    const mean = [-2, -1, 0.25, 0.5, -4];
    const a = [9, 9, 2, 1, 3];
    expect(swapped('00111', mean, { a }, { cycles: 1 })).toBe('10101');
    expect(swapped('00111', mean, { a }, { cycles: 2 })).toBe('11001');
  });

  it('an error of exactly 0 has not turned', () => {
    expect(swapped('001', [1, 0.5, -0.5], {}, { sameSign: true })).toBe('100'); // 1.5 − 1 − 0.5
  });

  it('regrows by contribution over variance; without variance, first of all if it contributes', () => {
    const kept = '0001';
    expect(swapped(kept, [3, 2, 1, -1], {}, { cycles: 1 })).toBe('1000');
    expect(swapped(kept, [3, 2, 1, -1], { variance: [4, 1, 1, 1] }, { cycles: 1 })).toBe('0100');
    expect(swapped(kept, [3, 2, 1, -1], { variance: [4, 1, 0, 1] }, { cycles: 1 })).toBe('0010');
  });

  it('meets columns of neither variance nor contribution before all others at the high end', () => {
    // Column 2 is pruned with 0/0, column 3 kept: of both the higher first. Column 3 comes back as it goes.
    expect(swapped('00011', [3, 2, 0, -1, 5], { variance: [1, 1, 0, 0, 1] }, { cycles: 1 })).toBe('00011');
    expect(swapped('00011', [3, 2, 0, -1, 5], { variance: [1, 1, 0, 1, 1] }, { cycles: 1 })).toBe('00101');
  });

  it('prunes the kept column of least score where no sign fits', () => {
    // No kept column is below 0: the place that is free holds the one of least score, whatever its sign.
    expect(swapped('0111', [3, 0, 1, 1], { a: [1, 3, 2, 1] }, { cycles: 1 })).toBe('1110');
  });

  it('leaves a row without kept weights, and one without pruned ones', () => {
    expect(swapped('000', [1, 2, 3], {})).toBe('000');
    expect(swapped('111', [1, 2, 3], {})).toBe('111');
  });

  it('starts from an error in f32', () => {
    // The sum is 0.0999999995, and as f32 it is 0.1000000015: the row is not left alone.
    expect(swapped('001', [0.1, -2e-9, -1], {})).toBe('100');
  });

  it.each<Case>(cases)('keeps what PyTorch keeps, $rows × $columns', (its) => {
    const kept = bits(its.before);
    const moments = {
      activations: floats(its.activations),
      mean: Float64Array.from(floats(its.mean)),
      variance: Float64Array.from(floats(its.variance)),
    };
    dsnot(kept, floats(its.weight), moments, its.rows, its.columns);
    expect(kept.join('')).toBe(its.after);
  });

  /** The definition of §10, row by row, with whole sorts. */
  function plainDsnot(
    kept: Uint8Array,
    weight: Float32Array,
    { activations, mean, variance }: InputMoments,
    columns: number,
    { cycles = 50, threshold = 0.1, sameSign = false }: SwapLimits,
  ): void {
    const f = Math.fround;
    const all = Array.from({ length: columns }, (_, c) => c);
    const compare = (x: number, y: number) =>
      Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || (x < y ? -1 : x > y ? 1 : 0);
    const sorted = (list: number[], keys: number[]) => list.toSorted((i, j) => compare(keys[i], keys[j]) || i - j);
    for (let start = 0; start < kept.length; start += columns) {
      const mask = kept.subarray(start, start + columns);
      const isKept = Array.from(mask, (bit) => bit === 1);
      const e = all.map((c) => f(weight[start + c] * f(mean[c])));
      const byVariance = all.map((c) => f((isKept[c] ? 0 : e[c]) / f(variance[c])));
      const scores = all.map((c) => f(Math.abs(weight[start + c]) * activations[c]));
      const regrow = sorted(all, byVariance);
      const candidates = sorted(
        all.filter((c) => isKept[c]),
        scores,
      );
      const [below, above] = [candidates.filter((c) => e[c] < 0), candidates.filter((c) => e[c] > 0)];
      const middle = candidates.length - below.length - above.length;
      const prune = [...below, ...new Array<number>(middle).fill(candidates[0]), ...above.reverse()];
      let error = f(all.reduce((sum, c) => (isKept[c] ? sum : sum + e[c]), 0));
      const cursors = { low: 0, high: all.length - 1, front: 0, back: prune.length - 1 };
      for (let cycle = 0; cycle < cycles && Math.abs(error) > threshold; cycle++) {
        if (cursors.low === all.length || cursors.high < 0 || cursors.front === prune.length || cursors.back < 0) break;
        const grown = error > 0 ? regrow[cursors.high--] : regrow[cursors.low++];
        const pruned = error > 0 ? prune[cursors.front++] : prune[cursors.back--];
        const after = error + (e[pruned] - e[grown]);
        if (sameSign && after !== 0 && after > 0 !== error > 0) break;
        mask[pruned] = 0;
        mask[grown] = 1;
        error = after;
      }
    }
  }

  const coarse = fc.integer({ min: -3, max: 3 }).map((v) => v / 4);
  const fine = fc.double({ min: -2, max: 2, noNaN: true });
  const layers = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 70 })).chain(([rows, columns]) => {
    const many = <T>(of: fc.Arbitrary<T>, length: number) => fc.array(of, { minLength: length, maxLength: length });
    const numbers = fc.constantFrom(coarse, fine);
    return fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      kept: fc.oneof(
        many(fc.nat(1), rows * columns),
        fc.constantFrom(0, 1).map((bit) => new Array(rows * columns).fill(bit)),
      ),
      weight: numbers.chain((of) => many(of, rows * columns)),
      activations: numbers.chain((of) => many(of.map(Math.abs), columns)),
      mean: numbers.chain((of) =>
        many(
          of.map((v) => 8 * v),
          columns,
        ),
      ),
      variance: numbers.chain((of) => many(of.map(Math.abs), columns)),
      limits: fc.record(
        {
          cycles: fc.constantFrom(0, 1, 3, 10, 50, 200),
          threshold: fc.constantFrom(0, 0.1, 2),
          sameSign: fc.boolean(),
        },
        { requiredKeys: [] },
      ),
    });
  });

  it('is the definition with whole sorts, on rows of every kind', () => {
    fc.assert(
      fc.property(layers, ({ rows, columns, kept, weight, activations, mean, variance, limits }) => {
        const values = Float32Array.from(weight);
        const moments = {
          activations: Float32Array.from(activations),
          mean: Float64Array.from(mean),
          variance: Float64Array.from(variance),
        };
        const got = Uint8Array.from(kept);
        const expected = Uint8Array.from(kept);
        dsnot(got, values, moments, rows, columns, limits);
        plainDsnot(expected, values, moments, columns, limits);
        expect(got.join('')).toBe(expected.join(''));
      }),
      { numRuns: 1000 },
    );
  });
});
