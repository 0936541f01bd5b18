// A task in the words of the harness's YAML, as its results files have it under `configs`: what was asked, so that a result
// can be read without this program. Null fields are left out, as the harness does.

import { metrics } from './metrics.js';
import { fewShotDelimiter, targetDelimiter } from './prompts.js';
import type { Bos } from './requests.js';
import type { MetricName, Shape, Task } from './tasks/task.js';

/** @param asked what was chosen for this run: it is under `metadata`, where the harness keeps what is its users' own */
export function configOf(
  { name, dataset, splits, request, metrics: names, version }: Task,
  { context, contexts, choices, target, gold, let: made }: Shape,
  numFewshot: number,
  asked: { bos: Bos; file: string },
): Record<string, unknown> {
  const config = {
    task: name,
    dataset_path: dataset.path,
    dataset_name: dataset.name ?? undefined,
    training_split: splits.training,
    validation_split: splits.validation,
    test_split: splits.test,
    doc_to_text: context ?? contexts,
    doc_to_target: target ?? gold,
    doc_to_choice: choices ?? contexts,
    unsafe_code: false,
    description: '',
    target_delimiter: targetDelimiter,
    fewshot_delimiter: fewShotDelimiter,
    num_fewshot: numFewshot,
    metric_list: names.map((metric: MetricName) => {
      const { aggregation, higherIsBetter } = metrics[metric];
      return { metric, aggregation, higher_is_better: higherIsBetter };
    }),
    output_type: request,
    repeats: 1,
    should_decontaminate: false,
    metadata: { version, ...asked, ...(made && { let: made }) },
  };
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}
