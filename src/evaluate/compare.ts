// Several models on the same tasks: each against the first one, with the difference of every accuracy and how sure it is.

import { UsageError } from '../errors.js';
import type { Sample, TaskEvaluation } from './evaluate-tasks.js';
import { type Bootstrap, type McNemar, mcnemar, pairedBootstrap, type SignFlip, signFlipTest } from './significance.js';
import type { MetricName } from './tasks/task.js';

/** A model's accuracy beside the first model's. */
export interface Comparison {
  task: string;
  metric: MetricName;
  /** Number of the model, 1 or more: the first one, 0, is what it is held against. */
  model: number;
  /** Its accuracy minus the first one's. */
  difference: number;
  bootstrap: Bootstrap;
  signFlip: SignFlip;
  mcnemar: McNemar;
}

/** Metrics that are 1 or 0 for each document. */
const accuracies: readonly MetricName[] = ['acc', 'acc_norm', 'exact_match'];

/**
 * Compares evaluations of several models with the first of them.
 * @throws UsageError for evaluations that were asked something else than the first one: other tasks, versions, examples, BOS,
 * metrics, documents, prompts or targets
 */
export async function compareTasks(
  evaluations: readonly TaskEvaluation[],
  options: { seed?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Comparison[]> {
  const [first, ...others] = evaluations;
  if (!first || others.length === 0)
    throw new UsageError(`expected two or more evaluations, got ${evaluations.length}`);
  for (const [i, other] of others.entries()) checkSame(first, other, i + 1);
  const comparisons: Comparison[] = [];
  for (const [task, samples] of Object.entries(first.samples))
    for (const metric of accuracies) {
      if (samples[0]?.values[metric] === undefined) continue;
      for (const [i, other] of others.entries()) {
        const a = samples.map(({ values }) => values[metric] as number);
        const b = other.samples[task].map(({ values }) => values[metric] as number);
        const difference = b.reduce((sum, value, k) => sum + value - a[k], 0) / a.length;
        const bootstrap = await pairedBootstrap(a, b, options);
        const signFlip = await signFlipTest(a, b, options);
        comparisons.push({ task, metric, model: i + 1, difference, bootstrap, signFlip, mcnemar: mcnemar(a, b) });
      }
    }
  return comparisons;
}

/** Holds what was asked against what the first evaluation was asked: answers to other questions are no pairs. */
function checkSame(first: TaskEvaluation, other: TaskEvaluation, number: number): void {
  const refuse = (expected: string, got: string) =>
    new UsageError(`expected ${expected} as in the first evaluation, got ${got} in number ${number}`);
  const tasksOf = ({ samples }: TaskEvaluation) => Object.keys(samples).sort().join(', ');
  if (tasksOf(first) !== tasksOf(other)) throw refuse(`tasks ${tasksOf(first)}`, tasksOf(other) || 'none');
  for (const [task, samples] of Object.entries(first.samples)) {
    const theirs = other.samples[task];
    const settings: [string, (evaluation: TaskEvaluation) => unknown][] = [
      ['version', ({ versions }) => versions[task]],
      ['examples (n-shot)', (evaluation) => evaluation['n-shot'][task]],
      ['bos', ({ configs }) => (configs[task]?.metadata as { bos?: unknown } | undefined)?.bos],
      ['documents', ({ samples }) => samples[task].length],
      ['metrics', ({ samples }) => Object.keys(samples[task][0]?.values ?? {}).join(', ')],
    ];
    for (const [name, of] of settings)
      if (of(first) !== of(other)) throw refuse(`${name} ${of(first)} of ${task}`, `${of(other)}`);
    const parts: [string, keyof Sample['hashes']][] = [
      ['documents', 'doc'],
      ['prompts', 'prompt'],
      ['targets', 'target'],
    ];
    for (const [name, part] of parts) {
      const at = samples.findIndex(({ hashes }, k) => hashes[part] !== theirs[k].hashes[part]);
      if (at >= 0) throw refuse(`the ${name} of ${task}`, `another one at document ${at}`);
    }
  }
}
