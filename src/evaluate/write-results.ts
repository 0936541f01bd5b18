// A folder of results as lm-evaluation-harness 0.4.13 writes it, for its own tools:
//   DIR/MODEL/results_DATE.json            results, versions, configs, … of all tasks
//   DIR/MODEL/samples_TASK_DATE.jsonl      a line for each document
// Numbers in samples are texts, as the harness has them, so that all lines have one form.

import { mkdtemp, rmdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { makeFolder } from '../checkpoint/make-folder.js';
import { writeThenRename } from '../checkpoint/write-then-rename.js';
import { OutputError } from '../errors.js';
import type { Model } from '../models/model.js';
import { nodeCrypto } from '../node.js';
import { engineRecord, recordHead } from '../record.js';
import type { Sample, TaskEvaluation } from './evaluate-tasks.js';
import { fewShotSeed } from './few-shot.js';
import { float } from './python-text.js';

export interface WriteOptions {
  /** What was asked for, as it stands in the file. */
  limit?: number | undefined;
  /** Seconds of the evaluation. */
  seconds?: number | undefined;
}

/**
 * Writes `evaluation` of `model` below `folder`, each file whole or not at all, the results last.
 * @returns the path of the results file
 * @throws OutputError where that is not possible
 */
export async function writeTaskResults(
  folder: string,
  model: Pick<Model, 'source' | 'config' | 'parameters' | 'engine'>,
  evaluation: TaskEvaluation,
  { limit, seconds }: WriteOptions = {},
): Promise<string> {
  const { samples, ...rest } = evaluation;
  const { created, version } = recordHead();
  // As Python's isoformat with ":" replaced.
  const date = created.replace('Z', '').replaceAll(':', '-');
  const place = join(folder, folderName(model.source));
  const hashes = Object.entries(samples).map(([task, list]) => {
    const all = list.map(({ hashes: { doc, prompt, target } }) => doc + prompt + target).join('');
    return [task, nodeCrypto().createHash('sha256').update(all).digest('hex')];
  });
  const sorted = <T>(record: Record<string, T>) =>
    Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
  const document = {
    results: rest.results,
    group_subtasks: {},
    configs: sorted(rest.configs),
    versions: sorted(rest.versions),
    'n-shot': sorted(rest['n-shot']),
    higher_is_better: sorted(rest.higher_is_better),
    'n-samples': rest['n-samples'],
    config: {
      model: 'neuroal',
      model_args: { pretrained: model.source },
      model_num_parameters: model.parameters,
      batch_size: null,
      batch_sizes: [],
      device: model.engine.backend,
      use_cache: null,
      limit: limit ?? null,
      gen_kwargs: null,
      fewshot_seed: fewShotSeed,
    },
    git_hash: null,
    date: Date.parse(created) / 1000,
    neuroal_version: version,
    engine: engineRecord(model.engine),
    max_length: Math.min(model.config.max_position_embeddings, model.config.longest_sequence),
    task_hashes: Object.fromEntries(hashes),
    model_source: 'neuroal',
    model_name: model.source,
    model_name_sanitized: sanitized(model.source),
    system_instruction: null,
    system_instruction_sha: null,
    fewshot_as_multiturn: false,
    chat_template: null,
    chat_template_sha: null,
    total_evaluation_time_seconds: seconds === undefined ? null : String(seconds),
  };
  const results = join(place, `results_${date}.json`);
  try {
    await makeFolder(place);
    for (const [task, list] of Object.entries(samples))
      await writeThenRename(join(place, `samples_${task}_${date}.jsonl`), linesOf(list));
    await writeThenRename(results, `${JSON.stringify(document, null, 2)}\n`);
  } catch (cause) {
    throw notWritable(folder, cause);
  }
  return results;
}

/**
 * Makes the folder of results and tries it, before hours go into what is to be written there.
 * @throws OutputError where results cannot be written to it
 */
export async function makeResultsFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await rmdir(await mkdtemp(join(folder, '.try-')));
  } catch (cause) {
    throw notWritable(folder, cause);
  }
}

function notWritable(folder: string, cause: unknown): OutputError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const expected = 'a folder that results can be written to';
  return new OutputError({ expected, got: code ?? message, where: folder, cause });
}

function* linesOf(samples: readonly Sample[]): Generator<string> {
  for (const sample of samples) yield `${JSON.stringify(lineOf(sample))}\n`;
}

function lineOf({ doc_id, doc, target, requests, answers, values, hashes }: Sample): object {
  const responses = answers.map(({ logProbability, greedy, text }, i) => {
    const [, second] = requests[i];
    if (requests[i].length === 1) return float(logProbability);
    return typeof second === 'string' ? [float(logProbability), greedy ? 'True' : 'False'] : text;
  });
  return {
    doc_id,
    doc,
    target,
    arguments: Object.fromEntries(
      requests.map((parts, i) => [`gen_args_${i}`, Object.fromEntries(parts.map((part, j) => [`arg_${j}`, part]))]),
    ),
    resps: responses.map((response) => [response]),
    filtered_resps: responses,
    filter: 'none',
    metrics: Object.keys(values),
    doc_hash: hashes.doc,
    prompt_hash: hashes.prompt,
    target_hash: hashes.target,
    ...values,
  };
}

/** The harness's `sanitize_model_name`. */
const sanitized = (name: string) => name.replace(/["<>:/|\\?*[\]]+/g, '__');

/** Bytes of a name that every file system takes, with room for a suffix. */
const longestName = 240;

/** Where the results of a model go: never outside of the output folder. */
function folderName(source: string): string {
  const name = /^\.*$/.test(sanitized(source)) ? sanitized(basename(resolve(source))) || 'model' : sanitized(source);
  let short = name;
  while (Buffer.byteLength(short) > longestName) short = short.slice(1);
  return short;
}
