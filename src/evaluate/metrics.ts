// What is made of the answers: a value for each document, one for the task, and its standard error, as the harness has them.

import { PythonRandom } from '../data/random.js';
import { type LongRunning, safePoint } from '../progress.js';
import type { Prompt } from './prompts.js';
import { characters, words } from './python-text.js';
import type { MetricName, RequestKind } from './tasks/task.js';

/** What a model answered to a request. */
export interface Answer {
  logProbability: number;
  greedy: boolean;
  /** Of `generate_until`. */
  text: string;
}

/** A value of one document: a number, or a sum and what it is to be divided by. */
export type Value = number | readonly [number, number];

export interface Metric {
  /** How the harness calls the way from documents to the task. */
  aggregation: 'mean' | 'perplexity' | 'weighted_perplexity' | 'bits_per_byte';
  higherIsBetter: boolean;
  /** By what the task asks for; a request that is not here does not go with this metric. */
  of: Partial<Record<RequestKind, (prompt: Prompt, answers: readonly Answer[]) => Value>>;
}

const lengths: Record<string, (text: string) => number> = {
  words,
  bytes: (text) => Buffer.byteLength(text),
};
const weighted = (unit: keyof typeof lengths, aggregation: Metric['aggregation']): Metric => ({
  aggregation,
  higherIsBetter: false,
  of: {
    loglikelihood_rolling: ({ continuations: [text] }, [{ logProbability }]) => [logProbability, lengths[unit](text)],
  },
});

export const metrics: Readonly<Record<MetricName, Metric>> = {
  acc: {
    aggregation: 'mean',
    higherIsBetter: true,
    of: {
      multiple_choice: ({ gold }, answers) => Number(best(answers.map((a) => a.logProbability)) === gold),
      loglikelihood: (_, [{ greedy }]) => Number(greedy),
    },
  },
  acc_norm: {
    aggregation: 'mean',
    higherIsBetter: true,
    of: {
      multiple_choice: ({ gold, choices }, answers) =>
        Number(best(answers.map((a, i) => a.logProbability / characters(choices[i]))) === gold),
    },
  },
  perplexity: {
    aggregation: 'perplexity',
    higherIsBetter: false,
    of: { loglikelihood: (_, [{ logProbability }]) => logProbability },
  },
  word_perplexity: weighted('words', 'weighted_perplexity'),
  byte_perplexity: weighted('bytes', 'weighted_perplexity'),
  bits_per_byte: weighted('bytes', 'bits_per_byte'),
  exact_match: {
    aggregation: 'mean',
    higherIsBetter: true,
    of: { generate_until: ({ target }, [{ text }]) => Number(text === target) },
  },
};

/** The place of the largest value, the first of equals; NaN (0 for a choice without a letter) is above all, as in numpy. */
function best(values: readonly number[]): number {
  const none = values.findIndex(Number.isNaN);
  return none >= 0 ? none : values.reduce((at, value, i) => (value > values[at] ? i : at), 0);
}

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

/** The value of the task. */
export function aggregate({ aggregation }: Metric, values: readonly Value[]): number {
  if (aggregation === 'mean') return mean(values as number[]);
  if (aggregation === 'perplexity') return Math.exp(-mean(values as number[]));
  const pairs = values as (readonly [number, number])[];
  const perUnit = pairs.reduce((sum, [v]) => sum + v, 0) / pairs.reduce((sum, [, n]) => sum + n, 0);
  return aggregation === 'bits_per_byte' ? -perUnit / Math.LN2 : Math.exp(-perUnit);
}

/** Replicates of the bootstrap, and how many of them the harness draws from one generator. */
const BOOTSTRAP = 100_000;
const CHUNK = 1000;

/**
 * The standard error of the task's value: of a mean by its formula; of a perplexity by the bootstrap, with the harness's own
 * draws; `N/A`, as the harness writes it, where there is none.
 */
export async function standardError(
  { aggregation }: Metric,
  values: readonly Value[],
  { signal, onProgress }: LongRunning = {},
): Promise<number | 'N/A'> {
  if (values.length < 2) return 'N/A';
  if (aggregation === 'mean') return deviation(values as number[]) / Math.sqrt(values.length);
  if (aggregation !== 'perplexity') return 'N/A';
  const all = Float64Array.from(values as number[]);
  const n = all.length;
  const replicates: number[] = [];
  const chunks = BOOTSTRAP / CHUNK;
  for (let seed = 0; seed < chunks; seed++) {
    await safePoint(signal);
    onProgress?.({ phase: 'evaluate', done: seed, total: chunks, note: 'bootstrap' });
    const random = new PythonRandom(seed);
    for (let i = 0; i < CHUNK; i++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += all[Math.floor(random.random() * n)];
      replicates.push(Math.exp(-sum / n));
    }
  }
  return deviation(replicates);
}

/** With Bessel's correction. */
function deviation(values: readonly number[]): number {
  const center = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - center) ** 2, 0) / (values.length - 1));
}
