// McNemar's test by its formula, the sign-flip test and the bootstrap by their definitions, and the comparison of whole evaluations.

import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.js';
import { compareTasks } from './compare.js';
import type { Sample, TaskEvaluation } from './evaluate-tasks.js';
import { mcnemar, pairedBootstrap, signFlipTest } from './significance.js';

interface Asked {
  task?: string;
  version?: number;
  shots?: number;
  bos?: string;
  doc?: string;
  prompt?: string;
  target?: string;
}

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
    const { low, high, replicates } = await pairedBootstrap(a, b);
    const n = a.length;
    const deviation = Math.sqrt(160 / n - (40 / n) ** 2) / Math.sqrt(n);
    expect(low).toBeCloseTo(40 / n - 1.96 * deviation, 2);
    expect(high).toBeCloseTo(40 / n + 1.96 * deviation, 2);
    expect(replicates).toBe(10_000);
  });

  it('gives the same figures for the same seed, and others for another', async () => {
    const a = Array.from({ length: 15 }, (_, i) => Math.sqrt(i));
    const b = a.map((value, i) => value * (i % 3));
    const first = await pairedBootstrap(a, b, { seed: 3 });
    expect(await pairedBootstrap(a, b, { seed: 3 })).toEqual(first);
    expect(await pairedBootstrap(a, b, { seed: 4 })).not.toEqual(first);
  });

  it('sees no difference where there is none', async () => {
    expect(await pairedBootstrap([1, 0, 1], [1, 0, 1])).toEqual({ low: 0, high: 0, replicates: 10_000 });
  });

  it('stops when asked', async () => {
    await expect(pairedBootstrap([1], [0], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
  });
});

describe('signFlipTest', () => {
  // All n differences of one sign: 2 of the 2^n ways to choose the signs are as far from 0.
  it.each([
    [1, 1],
    [2, 0.5],
    [5, 0.0625],
  ])('of %i documents, all one way', async (n, p) => {
    for (const [b, c, same] of [
      [n, 0, 0],
      [0, n, 50],
    ]) {
      const got = (await signFlipTest(...pair(b, c, same))).p;
      // Four standard errors of 10,000 draws.
      expect(Math.abs(got - p)).toBeLessThanOrEqual(4 * Math.sqrt((p * (1 - p)) / 10_000));
    }
  });

  it('is McNemar’s where documents are right or wrong', async () => {
    for (const [b, c] of [
      [10, 3],
      [120, 90],
      [5, 5],
    ]) {
      const [first, second] = pair(b, c);
      const { p } = mcnemar(first, second);
      expect(Math.abs((await signFlipTest(first, second)).p - p)).toBeLessThan(0.02);
    }
  });

  it('is never 0, however sure', async () => {
    expect(await signFlipTest(...pair(0, 100))).toEqual({ p: 1 / 10_001, replicates: 10_000 });
  });

  it('is 1 where nothing differs, and for sums that differ by rounding alone', async () => {
    expect((await signFlipTest([1, 0], [1, 0])).p).toBe(1);
    // 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 are different numbers.
    const { p } = await signFlipTest([0, 0, 0], [0.1, 0.2, 0.3]);
    expect(Math.abs(p - 0.25)).toBeLessThan(0.018);
  });

  it('gives the same figures for the same seed, and stops when asked', async () => {
    const [a, b] = pair(6, 9);
    const first = await signFlipTest(a, b, { seed: 3 });
    expect(await signFlipTest(a, b, { seed: 3 })).toEqual(first);
    expect(await signFlipTest(a, b, { seed: 4 })).not.toEqual(first);
    await expect(signFlipTest([1], [0], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });
});

describe('compareTasks', () => {
  const evaluation = (values: readonly number[], of = 'acc', asked: Asked = {}): TaskEvaluation => {
    const { task = 'rte', version = 1, shots = 0, bos = 'none', doc = 'd', prompt = 'p', target = 't' } = asked;
    return {
      results: {},
      versions: { [task]: version },
      'n-shot': { [task]: shots },
      configs: { [task]: { metadata: { bos } } },
      higher_is_better: {},
      'n-samples': {},
      samples: {
        [task]: values.map((value, i) => {
          const hashes = { doc: `${doc}${i}`, prompt: i === 1 ? prompt : 'p', target };
          return { values: { [of]: value }, hashes } as unknown as Sample;
        }),
      },
    };
  };

  it('holds each model against the first', async () => {
    const [a, b] = pair(1, 3, 2);
    const got = await compareTasks([evaluation(a), evaluation(b), evaluation(a)]);
    expect(got.map(({ task, metric, model }) => `${task} ${metric} ${model}`)).toEqual(['rte acc 1', 'rte acc 2']);
    expect(got[0].difference).toBeCloseTo(2 / 8, 12);
    expect(got[0].mcnemar).toEqual({ onlyFirst: 1, onlySecond: 3, p: 0.625 });
    expect(got[1]).toMatchObject({
      difference: 0,
      mcnemar: { p: 1 },
      bootstrap: { low: 0, high: 0 },
      signFlip: { p: 1 },
    });
  });

  it('says nothing of what is no accuracy', async () => {
    expect(await compareTasks([evaluation([1], 'perplexity'), evaluation([2], 'perplexity')])).toEqual([]);
  });

  it.each<[string, TaskEvaluation, string, string]>([
    ['tasks', evaluation([1, 0], 'acc', { task: 'boolq' }), 'tasks rte', 'boolq'],
    ['versions', evaluation([1, 0], 'acc', { version: 2 }), 'version 1 of rte', '2'],
    ['examples', evaluation([1, 0], 'acc', { shots: 5 }), 'examples (n-shot) 0 of rte', '5'],
    ['bos', evaluation([1, 0], 'acc', { bos: 'tokenizer' }), 'bos none of rte', 'tokenizer'],
    ['metrics', evaluation([1, 0], 'acc_norm'), 'metrics acc of rte', 'acc_norm'],
    ['fewer documents', evaluation([1]), 'documents 2 of rte', '1'],
    ['documents', evaluation([1, 0], 'acc', { doc: 'e' }), 'the documents of rte', 'another one at document 0'],
    ['prompts', evaluation([1, 0], 'acc', { prompt: 'q' }), 'the prompts of rte', 'another one at document 1'],
    ['targets', evaluation([1, 0], 'acc', { target: 'u' }), 'the targets of rte', 'another one at document 0'],
  ])('refuses other %s', async (_, other, expected, got) => {
    const first = evaluation([1, 0]);
    const error = await compareTasks([first, first, other]).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(`expected ${expected} as in the first evaluation, got ${got} in number 2`);
  });

  it('refuses a task more than the first has, and one evaluation alone', async () => {
    const [first, other] = [evaluation([1]), evaluation([1], 'acc', { task: 'boolq' })];
    const both = { ...first, samples: { ...first.samples, ...other.samples } };
    await expect(compareTasks([first, both])).rejects.toThrow(
      'expected tasks rte as in the first evaluation, got boolq, rte in number 1',
    );
    await expect(compareTasks([evaluation([1])])).rejects.toThrow('expected two or more evaluations, got 1');
  });
});
