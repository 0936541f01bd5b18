// How sure a difference is, in print: no p says more than what it comes from can.

import { expect, it } from 'vitest';
import type { TaskEvaluation } from '../evaluate/evaluate-tasks.js';
import { comparisonTable } from './eval-tables.js';

it.each([
  [0, '≤ 0.0001'],
  [1, '0.0002'],
  [624, '0.0625'],
])('says what 10,000 draws with %i as far from 0 support', (asFar, shown) => {
  const evaluation = { results: { rte: { 'acc,none': 0.5, 'acc_stderr,none': 0.1 } } } as unknown as TaskEvaluation;
  const found = {
    task: 'rte',
    metric: 'acc' as const,
    model: 1,
    difference: -0.25,
    bootstrap: { low: -0.5, high: 0, replicates: 10_000 },
    signFlip: { p: (asFar + 1) / 10_001, replicates: 10_000 },
    mcnemar: { onlyFirst: 40, onlySecond: 0, p: 2 ** -39 },
  };
  const [head, , second] = comparisonTable(['a', 'b'], [evaluation, evaluation], [found]);
  expect(head).toMatch(/ {2}95 % interval +p sign flip +p McNemar$/);
  expect(second.split(/ {2,}/).slice(-4)).toEqual(['−0.2500', '−0.5000 … +0.0000', shown, '< 0.0001']);
});
