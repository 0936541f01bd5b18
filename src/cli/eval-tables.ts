// The tables of `eval`: perplexities, tasks, and models beside the first one.

import { basename } from 'node:path';
import type { Comparison } from '../evaluate/compare.js';
import type { TaskEvaluation } from '../evaluate/evaluate-tasks.js';
import type { PerplexityResult } from '../evaluate/perplexity.js';
import type { SignFlip } from '../evaluate/significance.js';
import { grouped, table } from './figures.js';

/** Last parts of the models' places, where these tell them apart. */
export function shortNames(sources: readonly string[]): string[] {
  const short = sources.map((source) => basename(source));
  return new Set(short).size === new Set(sources).size ? short : [...sources];
}

/**
 * @param models names of several, null of one alone
 * @param results of each model, by source
 */
export function perplexityTable(
  models: readonly string[] | null,
  results: readonly (readonly [string, PerplexityResult][])[],
): string[] {
  const rows = results[0].flatMap(([name], s) =>
    results.map((of, m) => {
      const [, r] = of[s];
      return [name, ...(models ? [models[m]] : []), r.perplexity.toFixed(4), grouped(r.windows), grouped(r.seqLen)];
    }),
  );
  return table([['source', ...(models ? ['model'] : []), 'perplexity', 'windows', 'tokens each'], ...rows]);
}

const four = (value: number | string) => (typeof value === 'number' ? value.toFixed(4) : value);
const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
/** Of an exact test. */
const exact = (p: number) => (p < 0.0001 ? '< 0.0001' : p.toFixed(4));
/** Of draws, which say of nothing that it is rarer than one in all of them. */
const drawn = ({ p, replicates }: SignFlip) => `${p * (replicates + 1) < 1.5 ? '≤ ' : ''}${p.toFixed(4)}`;

/** Tasks and metrics of an evaluation, in order. */
function measures({ results }: TaskEvaluation): { task: string; metric: string }[] {
  return Object.entries(results).flatMap(([task, result]) =>
    Object.keys(result).flatMap((key) => {
      const [, metric] = /^(\w+),none$/.exec(key) ?? [];
      return metric === undefined || metric.endsWith('_stderr') ? [] : [{ task, metric }];
    }),
  );
}

const figureOf = ({ results }: TaskEvaluation, task: string, metric: string) => [
  four(results[task][`${metric},none`]),
  four(results[task][`${metric}_stderr,none`]),
];

export function taskTable(evaluation: TaskEvaluation): string[] {
  return table([
    ['task', 'version', 'examples', 'documents', 'metric', 'value', '± stderr'],
    ...measures(evaluation).map(({ task, metric }) => [
      task,
      String(evaluation.versions[task]),
      String(evaluation['n-shot'][task]),
      grouped(evaluation['n-samples'][task].effective),
      metric,
      ...figureOf(evaluation, task, metric),
    ]),
  ]);
}

/** A line for each model, and how it differs from the first. */
export function comparisonTable(
  models: readonly string[],
  evaluations: readonly TaskEvaluation[],
  comparisons: readonly Comparison[],
): string[] {
  const rows = measures(evaluations[0]).flatMap(({ task, metric }) =>
    evaluations.map((evaluation, m) => {
      const found = comparisons.find((c) => c.task === task && c.metric === metric && c.model === m);
      const against = found
        ? [
            signed(found.difference),
            `${signed(found.bootstrap.low)} … ${signed(found.bootstrap.high)}`,
            drawn(found.signFlip),
            exact(found.mcnemar.p),
          ]
        : ['', '', '', ''];
      return [task, metric, models[m], ...figureOf(evaluation, task, metric), ...against];
    }),
  );
  const head = [
    'task',
    'metric',
    'model',
    'value',
    '± stderr',
    'difference',
    '95 % interval',
    'p sign flip',
    'p McNemar',
  ];
  return table([head, ...rows]);
}
