// The options of a pruning run: what is left out, and every refusal word by word.

import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.js';
import type { Allocator } from './allocate/allocator.js';
import { choices, type PruneOptions, planOf } from './options.js';
import { multiflow } from './scores/multiflow.js';
import type { Score } from './scores/score.js';
import { wanda } from './scores/wanda.js';

type Options = Omit<PruneOptions, 'out'>;

const ownScore: Score = { name: 'squares', needsActivations: false, score: () => ({}) };
const ownAllocator: Allocator = { name: 'half', allocate: () => ({ shares: () => 0.5 }) };

describe('planOf', () => {
  it('fills in the published method at 70 %', () => {
    expect(planOf({})).toEqual({
      method: 'wanda',
      topUp: 'neuroal',
      step: 'both',
      sparsity: 0.7,
      pattern: null,
      granularity: 'row',
      rounding: 'published',
      update: 'none',
      targets: null,
      score: wanda,
      allocator: null,
      policy: { kind: 'row', rounding: 'published' },
    });
    const nothing = { method: undefined, topUp: undefined, step: undefined, sparsity: undefined, pattern: undefined };
    expect(planOf(nothing)).toEqual(planOf({}));
  });

  it.each<[Options, object]>([
    [{ topUp: 'uniform' }, { step: null, policy: { kind: 'row' } }],
    [
      { topUp: 'uniform', pattern: '2:4' },
      { sparsity: 0.5, pattern: '2:4', policy: { kind: 'n:m', m: 4 } },
    ],
    [
      { topUp: 'uniform', pattern: '4:16', sparsity: 0.25 },
      { sparsity: 0.25, policy: { kind: 'n:m', m: 16 } },
    ],
    [{ topUp: 'uniform', pattern: '1:3', sparsity: 0.3333333333 }, { policy: { kind: 'n:m', m: 3 } }],
    [
      { topUp: 'uniform', granularity: 'layer', rounding: 'exact' },
      { granularity: 'layer', rounding: 'exact', policy: { kind: 'layer', rounding: 'exact' } },
    ],
    [
      { granularity: 'layer', step: 'block' },
      { step: 'block', policy: { kind: 'layer' } },
    ],
    [
      { method: 'magnitude', step: 'row', sparsity: 0 },
      { method: 'magnitude', step: 'row', sparsity: 0 },
    ],
    // Where there is no row step, NeuroAL is its block step.
    [{ pattern: '4:8' }, { step: 'block' }],
    [{ granularity: 'layer' }, { step: 'block' }],
    [{ method: 'sparsegpt' }, { step: 'block', score: null, targets: null }],
    [{ method: 'admm' }, { step: 'block', score: null, update: 'none', targets: 'dense' }],
    [
      { method: 'admm', targets: 'own', topUp: 'owl' },
      { step: null, targets: 'own' },
    ],
    [
      { method: 'multiflow', update: 'admm', topUp: 'atp' },
      { update: 'admm', targets: 'dense', score: multiflow },
    ],
    [
      { method: 'sparsegpt', update: 'admm', topUp: 'alpha' },
      { update: 'admm', targets: 'dense' },
    ],
    [{ topUp: 'dsnot' }, { topUp: 'dsnot', step: null, sameSign: false }],
    [
      { topUp: 'dsnot', sameSign: true, update: 'admm' },
      { sameSign: true, targets: 'dense' },
    ],
    [{ method: ownScore }, { method: 'squares', score: ownScore, step: 'both' }],
    [{ topUp: ownAllocator }, { topUp: 'half', allocator: ownAllocator, step: null }],
  ])('%o', (options, plan) => {
    expect(planOf(options)).toMatchObject(plan);
  });

  const methods = choices.method.join(', ');
  const topUps = choices.topUp.join(', ');
  const pattern = (p: string) => `expected a pattern n:m with 1 ≤ n < m ≤ 64, such as 2:4, got ${JSON.stringify(p)}`;
  const dsnot = 'expected top-up dsnot with a score and masks by row, whose weights it swaps, got';
  it.each<[object, string]>([
    [{ method: 'obs' }, `expected method ${methods}, got "obs"`],
    [{ method: 'toString' }, `expected method ${methods}, got "toString"`],
    [{ method: { name: 'mine' } }, 'expected a score with a name and a function score, got {"name":"mine"}'],
    [{ topUp: 'lora' }, `expected top-up ${topUps}, got "lora"`],
    [{ topUp: { name: 1 } }, 'expected an allocator with a name and a function allocate, got {"name":1}'],
    [{ step: 'rows' }, 'expected step block, row, both, got "rows"'],
    [{ granularity: 'column' }, 'expected granularity row, layer, got "column"'],
    [{ rounding: 'up' }, 'expected rounding published, exact, got "up"'],
    [{ targets: 'own' }, 'expected targets only with update admm or method admm, got targets own alone'],
    [{ update: 'admm', targets: 'both' }, 'expected targets own, dense, got "both"'],
    [{ method: 'admm', update: 'admm' }, 'expected no update with method admm: it fits the weights itself'],
    [{ sparsity: 1 }, 'expected a sparsity in [0, 1), got 1'],
    [{ sparsity: -0.1 }, 'expected a sparsity in [0, 1), got -0.1'],
    [{ sparsity: Number.NaN }, 'expected a sparsity in [0, 1), got NaN'],
    [{ searchMemory: -1 }, 'expected search-memory of 0 bytes or more, got -1'],
    [{ topUp: 'uniform', step: 'block' }, 'expected no step with top-up uniform: steps are those of top-up neuroal'],
    [{ topUp: 'owl', step: 'both' }, 'expected no step with top-up owl: steps are those of top-up neuroal'],
    [
      { pattern: '2:4', step: 'both' },
      'expected step block with pattern 2:4, every row of which loses the same; got step both',
    ],
    [{ topUp: 'uniform', pattern: '2:4', sparsity: 0.6 }, 'expected sparsity 0.5 with pattern 2:4 (or none), got 0.6'],
    [
      { topUp: 'uniform', pattern: '2:4', granularity: 'layer' },
      'expected either a pattern or granularity layer, got both',
    ],
    [
      { granularity: 'layer', step: 'both' },
      'expected step block with granularity layer, since the row step fixes every row; got step both',
    ],
    [
      { method: 'sparsegpt', step: 'row' },
      'expected step block with method sparsegpt, which chooses its masks itself; got step row',
    ],
    [
      { method: 'admm', step: 'both' },
      'expected step block with method admm, which chooses its masks itself; got step both',
    ],
    [
      { method: 'sparsegpt', topUp: 'uniform', granularity: 'layer' },
      'expected granularity row with method sparsegpt, which compares blocks of columns; got layer',
    ],
    [{ topUp: 'dsnot', method: 'admm' }, `${dsnot} method admm; use method wanda`],
    [{ topUp: 'dsnot', method: 'sparsegpt' }, `${dsnot} method sparsegpt; use method wanda`],
    [{ topUp: 'dsnot', pattern: '2:4' }, `${dsnot} pattern 2:4; use top-up uniform`],
    [{ topUp: 'dsnot', granularity: 'layer' }, `${dsnot} granularity layer; use top-up uniform`],
    [{ sameSign: true }, 'expected the same-sign test only with top-up dsnot, got top-up neuroal'],
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
