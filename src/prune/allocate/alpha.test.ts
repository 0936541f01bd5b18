// AlphaPruning: the fit and the schedule by hand, against PyTorch on single matrices (reference-cases.json, made by
// make_reference_cases.py), and on whole models (../shared/reference/cases).

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noShared, shared } from '../../../test/setup.js';
import { openCheckpoint } from '../../checkpoint/open-checkpoint.js';
import { graphOf } from '../../models/families.js';
import { readWeight } from '../../models/weights.js';
import { alphaSchedule, hillExponent } from './alpha.js';
import { numpyMean } from './numpy-mean.js';
import { squaredSingularValues } from './singular-values.js';

interface Case {
  rows: number;
  columns: number;
  weight: string;
  alpha: number;
}
const { alpha: cases } = JSON.parse(await readFile(new URL('reference-cases.json', import.meta.url), 'utf8'));
const floats = (text: string) => new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);

const readJson = async (...path: string[]) => JSON.parse(await readFile(join(shared, ...path), 'utf8'));

describe('hillExponent', () => {
  it('of a worked example', () => {
    // All bins hold one at most, so the peak is the lowest, 1, and only 1 lies in [log10(0.95), 1.5]: n/Σ ln = 3/(ln 10 + ln 100).
    expect(hillExponent(Float64Array.of(1, 10, 100), 'w')).toBeCloseTo(1 + 1 / Math.log(10), 12);
  });

  it('begins the tail at eigenvalues that are larger than the logarithm of the peak', () => {
    // The peak is just below 10, the only bin with two. 7 is no part of 0.95 … 1.5 times that, but more than log10(9.5), and
    // the tail that it begins is the best one.
    const tail = [7, 10, 10.01, 14, 22, 40, 100];
    const sum = tail.reduce((total, v) => total + Math.log(v / 7), 0);
    expect(hillExponent(Float64Array.of(3, 4, 5, ...tail), 'w')).toBeCloseTo(1 + tail.length / sum, 12);
  });

  it('counts the largest eigenvalue in the last bin', () => {
    // That bin alone holds two, and the tail from 99.9 on fits better than the one from 2 on.
    expect(hillExponent(Float64Array.of(1, 2, 99.9, 100), 'w')).toBeCloseTo(1 + 2 / Math.log(100 / 99.9), 6);
  });

  it('leaves out eigenvalues of 0', () => {
    expect(hillExponent(Float64Array.of(0, 0, 1, 10, 100), 'w')).toBe(hillExponent(Float64Array.of(1, 10, 100), 'w'));
  });

  it.each<[string, number[], number]>([
    ['zeros', [0, 0, 0], 0],
    ['one', [5], 1],
    ['equal ones', [0, 7, 7, 7], 1],
  ])('refuses %s', (_, values, different) => {
    expect(() => hillExponent(Float64Array.from(values), 'model.layers.0.fc1')).toThrow(
      `expected weights whose singular values have a tail, got ${different} different singular values above 0, in model.layers.0.fc1`,
    );
  });

  it.each<Case>(cases)('is that of PyTorch, $rows × $columns', async ({ rows, columns, weight, alpha }) => {
    const squares = await squaredSingularValues(floats(weight), rows, columns, 'w');
    expect(Math.abs(hillExponent(squares, 'w') / alpha - 1)).toBeLessThan(1e-6);
  });
});

describe('alphaSchedule', () => {
  it('of a worked example', () => {
    expect(alphaSchedule([2, 3], [10, 10], 0.5)).toBeAllClose([0.35, 0.65], 1e-15, 0);
    // 0.7 and 1.3 with weights 1 and 3 have the mean 1.15.
    expect(alphaSchedule([2, 3], [10, 30], 0.5)).toBeAllClose([0.35 / 1.15, 0.65 / 1.15], 1e-15, 0);
    expect(alphaSchedule([2, 4, 3], [1, 1, 1], 0.5, 0.1)).toBeAllClose([0.45, 0.55, 0.5], 1e-15, 0);
  });

  it('has the weighted mean s and the order of the exponents', () => {
    const block = fc.tuple(fc.double({ min: 1, max: 9, noNaN: true }), fc.integer({ min: 1, max: 1e8 }));
    fc.assert(
      fc.property(
        fc.array(block, { minLength: 1, maxLength: 150 }),
        fc.double({ min: 0.05, max: 0.5, noNaN: true }),
        (blocks, s) => {
          const [exponents, sizes] = [blocks.map(([alpha]) => alpha), blocks.map(([, size]) => size)];
          const schedule = alphaSchedule(exponents, sizes, s);
          const weights = sizes.reduce((a, b) => a + b);
          expect(sizes.reduce((sum, size, b) => sum + size * schedule[b], 0) / weights).toBeCloseTo(s, 12);
          for (let b = 1; b < blocks.length; b++)
            expect(Math.sign(schedule[b] - schedule[b - 1]) * Math.sign(exponents[b] - exponents[b - 1])).not.toBe(-1);
        },
      ),
    );
  });

  it('stays inside [0, 1)', () => {
    expect(alphaSchedule([2, 3], [1, 1], 0.8)).toBeAllClose([0.56, 0.99], 1e-15, 0);
    expect(alphaSchedule([2, 3], [1, 1], 0.5, 1)).toEqual([0.01, 0.99]);
  });

  it('is s where all exponents are equal', () => {
    expect(alphaSchedule([2.5, 2.5, 2.5], [1, 2, 3], 0.7)).toEqual([0.7, 0.7, 0.7]);
    expect(alphaSchedule([3], [5], 0.6)).toEqual([0.6]);
  });
});

describe.skipIf(noShared).each(['llama-wanda-alpha-70', 'phi-magnitude-alpha-60'])('%s', (name) => {
  it('has the exponents of the published code', async () => {
    const [{ model }, { alpha }] = [
      await readJson('reference/cases', name, 'case.json'),
      await readJson('reference/cases', name, 'expected.json'),
    ];
    const checkpoint = await openCheckpoint(join(shared, model));
    const graph = graphOf(checkpoint);
    const means: number[] = [];
    for (let b = 0; b < graph.config.num_hidden_layers; b++) {
      const exponents: number[] = [];
      for (const layer of graph.linears) {
        const weight = await readWeight(checkpoint, graph, b, layer);
        exponents.push(
          hillExponent(await squaredSingularValues(weight, layer.rows, layer.columns, layer.name), layer.name),
        );
      }
      means.push(numpyMean(Float64Array.from(exponents)));
    }
    await checkpoint.close();
    expect(means).toBeAllClose(alpha, 1e-5, 0);
  });

  it('comes from them to the same weight counts', async () => {
    const { alpha, sparsity, layers } = await readJson('reference/cases', name, 'expected.json');
    const sizes = alpha.map(() => 0);
    for (const { block, rows, cols } of layers) sizes[block] += rows * cols;
    const schedule = alphaSchedule(alpha, sizes, sparsity);
    for (const { block, rows, cols, zeros } of layers) expect(rows * Math.floor(cols * schedule[block])).toBe(zeros);
  });
});
