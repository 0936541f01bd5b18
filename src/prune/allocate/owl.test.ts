// OWL: outliers and schedule by hand, and on whole models against the published code (../shared/reference/cases).

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contextOf } from '../../../test/prune-context.js';
import { noShared, shared } from '../../../test/setup.js';
import { askAllocator } from './ask-allocator.js';
import { type ActiveLayer, outlierShare, owl, owlSchedule } from './owl.js';

const readJson = async (...path: string[]) => JSON.parse(await readFile(join(shared, ...path), 'utf8'));

const layer = (weight: number[], activations: number[]): ActiveLayer => ({
  weight: Float32Array.from(weight),
  activations: Float32Array.from(activations),
});

describe('outlierShare', () => {
  it('counts what exceeds m times the mean of the whole block', () => {
    // Products 1 2 3 | 2 4 30 and 0 6: their mean is 6.
    const block = [layer([-1, 1, 1, 2, -2, -10], [1, 2, 3]), layer([0, 3], [1, 2])];
    expect(outlierShare(block, 4)).toBe(12.5);
    expect(outlierShare(block, 0.6)).toBe(37.5);
    expect(outlierShare(new Set(block), 4)).toBe(12.5);
  });

  it('does not count m times the mean itself', () => {
    const block = [layer([0, 0, 0, 0, 5], [1])]; // mean 1
    expect(outlierShare(block)).toBe(0);
    expect(outlierShare(block, 4.9)).toBe(20);
  });

  it('compares f32 products', () => {
    // Neighbours as f32, whose products with 1.1 are one f32 number and two f64 numbers.
    expect(outlierShare([layer([1.9000002145767212, 1.9000003337860107], [1.1])], 1)).toBe(0);
  });

  it('of zeros is 0', () => {
    expect(outlierShare([layer([0, 0], [1, 1])])).toBe(0);
  });
});

describe('owlSchedule', () => {
  it('of a worked example', () => {
    // Scaled to 0, 0.16, 0.04, mean 0.2/3: the second block keeps most.
    const mean = 0.2 / 3;
    expect(owlSchedule([1, 5, 2], 0.6)).toBeAllClose([0.6 + mean, 0.6 + mean - 0.16, 0.6 + mean - 0.04], 1e-15, 0);
    expect(owlSchedule([1, 5], 0.6, 0.2)).toBeAllClose([0.8, 0.4], 1e-15, 0);
  });

  it('has mean s, falls where shares rise, and spans 2λ', () => {
    const shares = fc
      .array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 2, maxLength: 200 })
      .filter((values) => Math.max(...values) - Math.min(...values) > 1e-6);
    fc.assert(
      fc.property(shares, fc.double({ min: 0.3, max: 0.7, noNaN: true }), (values, s) => {
        const schedule = owlSchedule(values, s);
        expect(schedule.reduce((a, b) => a + b) / values.length).toBeCloseTo(s, 12);
        expect(Math.max(...schedule) - Math.min(...schedule)).toBeCloseTo(0.16, 12);
        for (let b = 1; b < values.length; b++)
          expect(Math.sign(schedule[b] - schedule[b - 1]) * Math.sign(values[b] - values[b - 1])).not.toBe(1);
      }),
    );
  });

  it('stays inside [0, 1)', () => {
    expect(owlSchedule([1, 5], 0.95)).toBeAllClose([0.99, 0.87], 1e-15, 0);
    expect(owlSchedule([1, 5], 0.05)).toBeAllClose([0.13, 0.01], 1e-15, 0);
    expect(owlSchedule([1, 5], 0.05)[1]).toBe(0.01);
  });

  it('is s where all shares are equal', () => {
    expect(owlSchedule([2, 2, 2], 0.7)).toEqual([0.7, 0.7, 0.7]);
    expect(owlSchedule([0], 0.6)).toEqual([0.6]);
  });
});

describe.skipIf(noShared).each(['llama-wanda-owl-70', 'opt-wanda-owl-60'])('%s', (name) => {
  it('has the outliers of the published code', async () => {
    const its = await readJson('reference/cases', name, 'case.json');
    const { owl: expected } = await readJson('reference/cases', name, 'expected.json');
    const windows: number[][] = await readJson(its.calibration);
    const context = await contextOf(join(shared, its.model), windows);
    const { evidence } = await askAllocator(context, owl);
    await context.close();
    // In percent: one weight of these blocks is 5e-4.
    expect(evidence?.outlierShares as number[]).toBeAllClose(expected, 1e-3, 0);
  });

  it('comes from them to the same weight counts', async () => {
    const { owl: shares, sparsity, layers } = await readJson('reference/cases', name, 'expected.json');
    const schedule = owlSchedule(shares, sparsity);
    for (const { block, rows, cols, zeros } of layers) expect(rows * Math.floor(cols * schedule[block])).toBe(zeros);
  });
});
