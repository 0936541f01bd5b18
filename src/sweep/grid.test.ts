// How a plan becomes cells.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.js';
import { planOf } from '../prune/options.js';
import { gridOf } from './grid.js';
import { checkedPlan, type SweepPlan } from './plan.js';
import { type OptionValues, planOptions } from './plan-options.js';

const grid = (plan: Partial<SweepPlan>) => gridOf(checkedPlan({ models: 'm', ...plan }, 'plan.yaml', '.'));

/** What `prune` says of options that it refuses. */
function refusal(options: OptionValues): string {
  try {
    planOf(options);
  } catch (error) {
    return (error as Error).message;
  }
  return expect.unreachable();
}

const stepOfUniform = refusal({ topUp: 'uniform', step: 'block' });

describe('gridOf', () => {
  it('fills in what is left out', () => {
    const { cells } = grid({});
    expect(cells).toHaveLength(1);
    expect(cells[0]).toMatchObject({ model: 'm', given: {} });
    expect(cells[0].options).toMatchObject({
      method: 'wanda',
      topUp: 'neuroal',
      step: 'both',
      granularity: 'row',
      update: 'none',
      targets: null,
      exhaustive: false,
      calibration: 'embedded',
      samples: 128,
      searchSamples: 8,
      seqLen: null,
      pattern: null,
      sparsity: 0.7,
      seed: 0,
    });
    expect(Object.keys(cells[0].options)).toEqual(planOptions);
  });

  it('goes model after model, with the seed changing first', () => {
    const { cells } = grid({ models: ['a', 'b'], sparsity: [0.5, 0.6], seed: [1, 2], topUp: 'uniform' });
    expect(cells.map(({ model, options }) => [model, options.sparsity, options.seed])).toEqual([
      ['a', 0.5, 1],
      ['a', 0.5, 2],
      ['a', 0.6, 1],
      ['a', 0.6, 2],
      ['b', 0.5, 1],
      ['b', 0.5, 2],
      ['b', 0.6, 1],
      ['b', 0.6, 2],
    ]);
    expect(cells[0].given).toEqual({ topUp: 'uniform', sparsity: 0.5, seed: 1 });
  });

  it('has a cell once, however often the plan says it', () => {
    const { cells } = grid({
      grid: [{ method: ['wanda', 'magnitude'] }, { method: 'wanda', step: 'both' }, { sparsity: 0.7 }, {}],
    });
    expect(cells.map(({ options }) => options.method)).toEqual(['wanda', 'magnitude']);
  });

  it('takes the sparsity of a pattern from it', () => {
    const { cells } = grid({ sparsity: [0.6, 0.7], grid: [{ pattern: ['2:4', '1:4'], topUp: 'uniform' }] });
    expect(cells.map(({ options }) => [options.pattern, options.sparsity])).toEqual([
      ['2:4', 0.5],
      ['1:4', 0.25],
    ]);
  });

  const some = <T>(...values: [T, ...T[]]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1 });
  const whole = fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 });

  it('multiplies the values of a set', () => {
    const set = fc.record(
      {
        method: some('magnitude', 'wanda'),
        step: some('block', 'row', 'both'),
        sparsity: some(0, 0.5, 0.7),
        samples: whole,
        seed: whole,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(set, some('a', 'b', 'c'), (options, models) => {
        const { cells } = grid({ models, ...options } as Partial<SweepPlan>);
        const count = Object.values(options).reduce((product, list) => product * list.length, models.length);
        expect(cells).toHaveLength(count);
        expect(new Set(cells.map((cell) => JSON.stringify([cell.model, cell.options]))).size).toBe(count);
        for (const { options: complete, given } of cells) expect(complete).toMatchObject(given);
      }),
    );
  });

  it('adds the cells of sets that have none in common', () => {
    const set = fc.record({ sparsity: some(0.1, 0.2, 0.3), searchSamples: whole });
    fc.assert(
      fc.property(set, set, (a, b) => {
        const both = grid({
          grid: [
            { topUp: 'uniform', ...a },
            { topUp: 'neuroal', ...b },
          ],
        } as Partial<SweepPlan>);
        expect(both.cells).toHaveLength(
          a.sparsity.length * a.searchSamples.length + b.sparsity.length * b.searchSamples.length,
        );
      }),
    );
  });

  it.each([
    [{ sparsity: 1.5 }, `${refusal({ sparsity: 1.5 })}, in plan.yaml, set 1 of the grid (sparsity 1.5)`],
    [
      { samples: 4, grid: [{}, { method: ['wanda', 'wnada'] }] },
      `${refusal({ method: 'wnada' as 'wanda' })}, in plan.yaml, set 2 of the grid (method wnada, samples 4)`,
    ],
    [
      { step: 'block', grid: [{ topUp: ['neuroal', 'uniform'] }] },
      `${stepOfUniform}, in plan.yaml, set 1 of the grid (topUp uniform, step block)`,
    ],
    [{ seed: Array.from({ length: 10_001 }, (_, i) => i) }, 'expected at most 10000 cells, got 10001, in plan.yaml'],
  ])('refuses %j', (plan, message) => {
    expect(() => grid(plan as Partial<SweepPlan>)).toThrow(new UsageError(message));
  });

  it('leaves out what is refused where the plan says so', () => {
    const plan = { topUp: ['uniform', 'neuroal'], grid: [{ step: ['block', 'row'] }], skipRefused: true } as const;
    const { cells, refused } = grid(plan);
    expect(cells.map(({ options }) => [options.topUp, options.step])).toEqual([
      ['neuroal', 'block'],
      ['neuroal', 'row'],
    ]);
    expect(refused).toEqual([
      { given: { topUp: 'uniform', step: 'block' }, reason: stepOfUniform },
      { given: { topUp: 'uniform', step: 'row' }, reason: stepOfUniform },
    ]);
    expect(() => grid({ ...plan, topUp: 'uniform' })).toThrow(
      new UsageError('expected a combination that prune takes, got none, in plan.yaml'),
    );
  });
});
