// The options of a pruning run: what is left out, and every refusal word by word.

import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.js';
import { choices, type PruneOptions, planOf } from './options.js';

type Options = Omit<PruneOptions, 'out'>;

describe('planOf', () => {
  it('fills in the published method at 70 %', () => {
    expect(planOf({})).toEqual({
      method: 'wanda',
      topUp: 'neuroal',
      step: 'both',
      sparsity: 0.7,
      pattern: null,
      granularity: 'row',
      update: 'none',
      targets: null,
      policy: { kind: 'row' },
    });
    const nothing = { method: undefined, topUp: undefined, step: undefined, sparsity: undefined, pattern: undefined };
    expect(planOf(nothing)).toEqual(planOf({}));
  });

  it.each<[Options, object]>([
    [{ topUp: 'uniform' }, { step: null, policy: { kind: 'row' } }],
    [
      { topUp: 'uniform', pattern: '2:4' },
      { sparsity: 0.5, pattern: '2:4', policy: { kind: 'n:m', n: 2, m: 4 } },
    ],
    [
      { topUp: 'uniform', pattern: '4:16', sparsity: 0.25 },
      { sparsity: 0.25, policy: { kind: 'n:m', n: 4, m: 16 } },
    ],
    [{ topUp: 'uniform', pattern: '1:3', sparsity: 0.3333333333 }, { policy: { kind: 'n:m', n: 1, m: 3 } }],
    [
      { topUp: 'uniform', granularity: 'layer' },
      { granularity: 'layer', policy: { kind: 'layer' } },
    ],
    [
      { granularity: 'layer', step: 'block' },
      { step: 'block', policy: { kind: 'layer' } },
    ],
    [
      { method: 'magnitude', step: 'row', sparsity: 0 },
      { method: 'magnitude', step: 'row', sparsity: 0 },
    ],
  ])('%o', (options, plan) => {
    expect(planOf(options)).toMatchObject(plan);
  });

  const methods = choices.method.join(', ');
  const pattern = (p: string) => `expected a pattern n:m with 1 ≤ n < m ≤ 64, such as 2:4, got ${JSON.stringify(p)}`;
  it.each<[object, string]>([
    [{ method: 'obs' }, `expected method ${methods}, got "obs"`],
    [{ method: 'toString' }, `expected method ${methods}, got "toString"`],
    [{ topUp: 'owl' }, 'expected top-up uniform, neuroal, got "owl"'],
    [{ step: 'rows' }, 'expected step block, row, both, got "rows"'],
    [{ granularity: 'column' }, 'expected granularity row, layer, got "column"'],
    [{ targets: 'own' }, 'expected targets only with an update, got targets alone'],
    [{ update: 'admm' }, 'expected targets own with update admm'],
    [{ sparsity: 1 }, 'expected a sparsity in [0, 1), got 1'],
    [{ sparsity: -0.1 }, 'expected a sparsity in [0, 1), got -0.1'],
    [{ sparsity: Number.NaN }, 'expected a sparsity in [0, 1), got NaN'],
    [{ topUp: 'uniform', step: 'block' }, 'expected no step with top-up uniform: steps are those of top-up neuroal'],
    [{ pattern: '2:4' }, 'expected top-up uniform with pattern 2:4: it removes the same share of every group'],
    [{ topUp: 'uniform', pattern: '2:4', sparsity: 0.6 }, 'expected sparsity 0.5 with pattern 2:4, got 0.6'],
    [
      { topUp: 'uniform', pattern: '2:4', granularity: 'layer' },
      'expected either a pattern or granularity layer, got both',
    ],
    [{ granularity: 'layer' }, 'expected step block with granularity layer, got both: the row step fixes every row'],
    [
      { granularity: 'layer', step: 'row' },
      'expected step block with granularity layer, got row: the row step fixes every row',
    ],
    ...['4:2', '0:4', '4:4', '2:65', '2-4', '2:4:8', '', ' 2:4'].map((p): [object, string] => [
      { topUp: 'uniform', pattern: p },
      pattern(p),
    ]),
  ])('refuses %o', (options, message) => {
    const plan = () => planOf(options as Options);
    expect(plan).toThrow(UsageError);
    expect(plan).toThrow(expect.objectContaining({ message }));
  });
});
