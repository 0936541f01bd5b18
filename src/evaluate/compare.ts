// Several models on the same tasks: each against the first one, with the difference of every accuracy and how sure it is.

import { UsageError } from '../errors.js';
import type { TaskEvaluation } from './evaluate-tasks.js';
import { type Bootstrap, type McNemar, mcnemar, pairedBootstrap } from './significance.js';
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
  mcnemar: McNemar;
}

/** Metrics that are 1 or 0 for each document. */
const accuracies: readonly MetricName[] = ['acc', 'acc_norm', 'exact_match'];

/**
 * Compares evaluations of several models with the first of them.
 * @throws UsageError for evaluations of other tasks or documents than the first one's
 */
export async function compareTasks(
  evaluations: readonly TaskEvaluation[],
  options: { seed?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Comparison[]> {
  const [first, ...others] = evaluations;
  if (!first || others.length === 0)
    throw new UsageError(`expected two or more evaluations, got ${evaluations.length}`);
  const comparisons: Comparison[] = [];
  for (const [task, samples] of Object.entries(first.samples))
    for (const metric of accuracies) {
      if (samples[0]?.values[metric] === undefined) continue;
      for (const [i, other] of others.entries()) {
        const theirs = other.samples[task];
        const same =
          theirs?.length === samples.length && samples.every((s, k) => s.hashes.doc === theirs[k].hashes.doc);
        if (!same)
          throw new UsageError(`expected evaluations of the same documents of ${task}, got others in number ${i + 1}`);
        const a = samples.map(({ values }) => values[metric] as number);
        const b = theirs.map(({ values }) => values[metric] as number);
        const difference = b.reduce((sum, value, k) => sum + value - a[k], 0) / a.length;
        const bootstrap = await pairedBootstrap(a, b, options);
        comparisons.push({ task, metric, model: i + 1, difference, bootstrap, mcnemar: mcnemar(a, b) });
      }
    }
  return comparisons;
}
