// McNemar's test by its formula, the bootstrap by its definition, and the comparison of whole evaluations.

import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.js';
import { compareTasks } from './compare.js';
import type { Sample, TaskEvaluation } from './evaluate-tasks.js';
import { mcnemar, pairedBootstrap } from './significance.js';

/** Two models that part on `b` and `c` documents and agree on `same` more. */
function pair(b: number, c: number, same = 5): [number[], number[]] {
  const ones = (n: number, value: number) => new Array<number>(n).fill(value);
  return [
    [...ones(b, 1), ...ones(c, 0), ...ones(same, 1), ...ones(same, 0)],
    [...ones(b, 0), ...ones(c, 1), ...ones(same, 1), ...ones(same, 0)],
  ];
}

describe('mcnemar', () => {
  // from math import comb; min(1, 2*sum(comb(b+c, k) for k in range(min(b, c)+1)) / 2**(b+c))
  it.each([
    [10, 3, 0.09228515625],
    [0, 6, 0.03125],
    [5, 5, 1],
    [120, 90, 0.04511408786484073],
    [1500, 1400, 0.06598734966518381],
    [0, 0, 1],
  ])('of %i against %i', (b, c, p) => {
    const got = mcnemar(...pair(b, c));
    expect(got).toMatchObject({ onlyFirst: b, onlySecond: c });
    expect(got.p).toBeCloseTo(p, 9);
  });
});

describe('pairedBootstrap', () => {
  it('has the interval of the normal approximation, where that holds', async () => {
    const [a, b] = pair(60, 100, 120);
    const { low, high, p, replicates } = await pairedBootstrap(a, b);
    const n = a.length;
    const deviation = Math.sqrt(160 / n - (40 / n) ** 2) / Math.sqrt(n);
    expect(low).toBeCloseTo(40 / n - 1.96 * deviation, 2);
    expect(high).toBeCloseTo(40 / n + 1.96 * deviation, 2);
    expect(p).toBeGreaterThan(0);
    expect(p).toBeLessThan(0.01);
    expect(replicates).toBe(10_000);
  });

  it('gives the same figures for the same seed, and others for another', async () => {
    const [a, b] = pair(6, 9);
    const first = await pairedBootstrap(a, b, { seed: 3 });
    expect(await pairedBootstrap(a, b, { seed: 3 })).toEqual(first);
    expect(await pairedBootstrap(a, b, { seed: 4 })).not.toEqual(first);
  });

  it('sees no difference where there is none', async () => {
    expect(await pairedBootstrap([1, 0, 1], [1, 0, 1])).toEqual({ low: 0, high: 0, p: 1, replicates: 10_000 });
  });

  it('stops when asked', async () => {
    await expect(pairedBootstrap([1], [0], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
  });
});

describe('compareTasks', () => {
  const evaluation = (values: readonly number[], doc = 'd', of = 'acc'): TaskEvaluation => ({
    results: {},
    versions: {},
    'n-shot': {},
    configs: {},
    higher_is_better: {},
    'n-samples': {},
    samples: {
      rte: values.map((value, i) => ({ values: { [of]: value }, hashes: { doc: `${doc}${i}` } }) as unknown as Sample),
    },
  });

  it('holds each model against the first', async () => {
    const [a, b] = pair(1, 3, 2);
    const got = await compareTasks([evaluation(a), evaluation(b), evaluation(a)]);
    expect(got.map(({ task, metric, model }) => `${task} ${metric} ${model}`)).toEqual(['rte acc 1', 'rte acc 2']);
    expect(got[0].difference).toBeCloseTo(2 / 8, 12);
    expect(got[0].mcnemar).toEqual({ onlyFirst: 1, onlySecond: 3, p: 0.625 });
    expect(got[1]).toMatchObject({ difference: 0, mcnemar: { p: 1 }, bootstrap: { p: 1 } });
  });

  it('says nothing of what is no accuracy', async () => {
    expect(await compareTasks([evaluation([1], 'd', 'perplexity'), evaluation([2], 'd', 'perplexity')])).toEqual([]);
  });

  it('refuses other documents, and one evaluation alone', async () => {
    const error = await compareTasks([evaluation([1]), evaluation([1], 'e')]).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe('expected evaluations of the same documents of rte, got others in number 1');
    await expect(compareTasks([evaluation([1])])).rejects.toThrow('expected two or more evaluations, got 1');
  });
});
