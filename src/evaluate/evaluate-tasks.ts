// Zero-shot and few-shot evaluation: documents to prompts, prompts to requests, answers to metrics. Results are in the
// harness's words and layout, so that its tools read them and its users know them.

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, UsageError } from '../errors.js';
import type { Model } from '../models/model.js';
import { nodeCrypto } from '../node.js';
import type { LongRunning, Progress } from '../progress.js';
import { quoted } from '../quoted.js';
import { type Documents, documentsOf, type Row, readDocuments } from './documents.js';
import { FewShot, type Shot } from './few-shot.js';
import { configOf } from './harness-config.js';
import { type Answer, aggregate, metrics, standardError, type Value } from './metrics.js';
import { fewShotDelimiter, type Prompt, Prompts } from './prompts.js';
import { type Bos, bosChoices, Requests } from './requests.js';
import { taskNamed } from './tasks/registry.js';
import { type MetricName, requestKinds, type Task } from './tasks/task.js';

export interface TaskOptions extends LongRunning {
  /** Names of tasks, or tasks of one's own (docs/tasks.md). */
  tasks: readonly (string | Task)[];
  /** The folder with `TASK.jsonl`, and for examples `TASK.train.jsonl`. */
  data?: string | undefined;
  /** Rows instead of files, by the name of the file without its ending: `TASK`, `TASK.train`. */
  documents?: Readonly<Record<string, readonly Row[]>> | undefined;
  /** Documents of each task to use at most, the first ones; all. */
  limit?: number | undefined;
  /** Examples in the prompt; 0. */
  numFewshot?: number | undefined;
  /** Whether texts begin with what the tokenizer puts before them, or with nothing (the old harness); `tokenizer`. */
  bos?: Bos | undefined;
}

/** One document with what was asked and answered, as a line of the harness's samples file. */
export interface Sample {
  doc_id: number;
  doc: Row;
  target: string;
  /** Context and continuation of each request; of a rolling one the text, of a generation the context and its options. */
  requests: readonly (readonly unknown[])[];
  answers: readonly Answer[];
  /** By metric. */
  values: Readonly<Partial<Record<MetricName, Value>>>;
  /** SHA-256 of the document, of the first context, of the target, as the harness has them. */
  hashes: { doc: string; prompt: string; target: string };
}

/** Results of one task: `acc,none`, `acc_stderr,none`, …; `alias`, `name` and `sample_len` besides. */
export type TaskResult = Record<string, number | string>;

/** The harness's results, by task. */
export interface TaskEvaluation {
  results: Record<string, TaskResult>;
  versions: Record<string, number>;
  'n-shot': Record<string, number>;
  configs: Record<string, Record<string, unknown>>;
  higher_is_better: Record<string, Record<string, boolean>>;
  'n-samples': Record<string, { original: number; effective: number }>;
  samples: Record<string, Sample[]>;
}

/** A task with its prompts, which hold for any model. */
export interface PreparedTask {
  task: Task;
  documents: Documents;
  prompts: Prompt[];
  numFewshot: number;
  file: string;
}

/**
 * Evaluates a model on tasks.
 * @throws UsageError for tasks or options that there are not, DataError for documents that are not the task's
 */
export async function evaluateTasks(model: Model, options: TaskOptions): Promise<TaskEvaluation> {
  return evaluatePrepared(model, await prepareTasks(options), options);
}

/** The first half, which needs no model: files read, prompts written. */
export async function prepareTasks(options: TaskOptions): Promise<PreparedTask[]> {
  const { limit, numFewshot = 0, bos = 'tokenizer', signal } = options;
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1))
    throw new UsageError(`expected a limit of 1 or more documents, got ${limit}`);
  if (!(Number.isInteger(numFewshot) && numFewshot >= 0))
    throw new UsageError(`expected 0 or more examples (num-fewshot), got ${numFewshot}`);
  if (!bosChoices.includes(bos))
    throw new UsageError(`expected bos to be ${bosChoices.join(' or ')}, got ${quoted(bos)}`);
  const tasks = options.tasks.map((task) => (typeof task === 'string' ? taskNamed(task) : task));
  if (tasks.length === 0) throw new UsageError('expected one or more tasks, got none');
  const twice = tasks.find(({ name }, i) => tasks.findIndex((other) => other.name === name) < i);
  if (twice) throw new UsageError(`expected each task once, got ${quoted(twice.name)} twice`);
  const prepared: PreparedTask[] = [];
  for (const task of tasks) {
    signal?.throwIfAborted();
    checkTask(task);
    prepared.push(await prepare(task, options, limit, numFewshot));
  }
  return prepared;
}

function checkTask({ name, request, metrics: asked, shapes }: Task): void {
  if (!/^[\w-]+$/.test(name))
    throw new UsageError(`expected the name of a task in letters, digits, "_" and "-", got ${quoted(name)}`);
  if (!requestKinds.includes(request))
    throw new UsageError(`expected a request of ${requestKinds.join(', ')}, got ${quoted(request)}, in task ${name}`);
  if (shapes.length === 0 || asked.length === 0)
    throw new UsageError(`expected one or more shapes and metrics, got none, in task ${name}`);
  for (const metric of asked)
    if (!Object.hasOwn(metrics, metric) || !metrics[metric].of[request]) {
      const known = Object.entries(metrics).flatMap(([known, { of }]) => (of[request] ? [known] : []));
      throw new UsageError(
        `expected metrics of ${request} among ${known.join(', ')}, got ${quoted(metric)}, in task ${name}`,
      );
    }
}

async function prepare(
  task: Task,
  options: TaskOptions,
  limit: number | undefined,
  numFewshot: number,
): Promise<PreparedTask> {
  const { training, validation, test } = task.splits;
  const { documents, file } = await load(task, options, [task.name, ...(task.files ?? [])], limit);
  const make = new Prompts(task, documents.shape);
  const own = documents.documents.map((document) => make.of(document));
  if (numFewshot === 0) return { task, documents, prompts: own, numFewshot, file };

  // The harness takes examples from the training split, else from validation, else from the test split itself.
  const split = training ?? validation ?? test;
  const evaluated = test ?? validation;
  const names = [task.name, ...(task.files ?? [])];
  const source =
    split === evaluated
      ? await load(task, options, names, undefined)
      : await load(
          task,
          options,
          names.map((name) => `${name}.${split}`),
          undefined,
          numFewshot,
        );
  const from = new Prompts(task, source.documents.shape);
  const pool = source.documents.documents.map(
    (document): Shot => ({ text: from.of(document).shot, identity: JSON.stringify(document.row) }),
  );
  const shots = new FewShot(pool, numFewshot, test === undefined, source.file);
  const prompts = own.map((prompt, i) => {
    const before = shots.before(JSON.stringify(documents.documents[i].row));
    return { ...prompt, contexts: prompt.contexts.map((context) => before + context) };
  });
  return { task, documents, prompts, numFewshot, file };
}

/** The documents under the first of `names` that there is. */
async function load(
  task: Task,
  { data, documents = {}, signal, onProgress }: TaskOptions,
  names: readonly string[],
  limit: number | undefined,
  numFewshot = 0,
): Promise<{ documents: Documents; file: string }> {
  const given = names.find((name) => Object.hasOwn(documents, name));
  if (given !== undefined) return { documents: documentsOf(documents[given], task, limit), file: given };
  if (data === undefined) throw new UsageError(`expected the folder with ${names[0]}.jsonl (--data DIR), got none`);
  for (const name of names) {
    const path = join(data, `${name}.jsonl`);
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    const running: LongRunning = {
      signal,
      onProgress: onProgress && ((p) => onProgress({ ...p, note: `${name}.jsonl` })),
    };
    if (exists) return { documents: await readDocuments(path, task, limit, running), file: path };
  }
  const purpose = numFewshot > 0 ? `, from which the ${numFewshot} examples of a prompt are drawn` : '';
  const files = names.map((name) => `${name}.jsonl`).join(' or ');
  throw new DataError({ expected: `${files}${purpose}`, got: 'no such file', where: data });
}

/** The second half: what one model answers. */
export async function evaluatePrepared(
  model: Model,
  prepared: readonly PreparedTask[],
  { bos = 'tokenizer', signal, onProgress }: Pick<TaskOptions, 'bos'> & LongRunning = {},
): Promise<TaskEvaluation> {
  const requests = new Requests(model, await model.tokenizer(), bos);
  const evaluation: TaskEvaluation = {
    results: {},
    versions: {},
    'n-shot': {},
    configs: {},
    higher_is_better: {},
    'n-samples': {},
    samples: {},
  };
  for (const { task, documents, prompts, numFewshot, file } of prepared) {
    const { name } = task;
    const shown = (p: Progress) => onProgress?.({ ...p, note: p.note ? `${name}, ${p.note}` : name });
    const running: LongRunning = { signal, onProgress: shown };
    const answers = await answersOf(requests, task, documents, prompts, running);
    const samples = prompts.map((prompt, i) => sampleOf(task, documents, prompt, answers[i], i));
    const result: TaskResult = { name, alias: name, sample_len: samples.length };
    for (const metric of task.metrics) {
      const values = samples.map((sample) => sample.values[metric] as Value);
      result[`${metric},none`] = aggregate(metrics[metric], values);
      result[`${metric}_stderr,none`] = await standardError(metrics[metric], values, running);
    }
    evaluation.results[name] = result;
    evaluation.versions[name] = task.version;
    evaluation['n-shot'][name] = numFewshot;
    evaluation.configs[name] = configOf(task, documents.shape, numFewshot, { bos, file });
    evaluation.higher_is_better[name] = Object.fromEntries(
      task.metrics.map((metric) => [metric, metrics[metric].higherIsBetter]),
    );
    evaluation['n-samples'][name] = { original: documents.total, effective: samples.length };
    evaluation.samples[name] = samples;
  }
  return evaluation;
}

const silent = { logProbability: 0, greedy: false, text: '' };

async function answersOf(
  requests: Requests,
  task: Task,
  { documents }: Documents,
  prompts: readonly Prompt[],
  running: LongRunning,
): Promise<Answer[][]> {
  if (task.request === 'generate_until') {
    const texts = await requests.generateUntil(
      prompts.map(({ contexts }) => contexts[0]),
      generationOf(task),
      running,
    );
    return texts.map((text) => [{ ...silent, text }]);
  }
  if (task.request === 'loglikelihood_rolling') {
    const sums = await requests.loglikelihoodRolling(
      prompts.map(({ continuations }) => continuations[0]),
      running,
    );
    return sums.map((logProbability) => [{ ...silent, logProbability }]);
  }
  const pairs = prompts.flatMap(({ contexts, continuations }, i) =>
    contexts.map((context, j) => ({ context, continuation: continuations[j], where: documents[i].where })),
  );
  let next = 0;
  const groups = prompts.map(({ contexts }) => contexts.map(() => next++));
  const scores = await requests.loglikelihood(pairs, groups, running);
  return groups.map((group) => group.map((i) => ({ ...scores[i], text: '' })));
}

const generationOf = ({ until = [fewShotDelimiter], maxTokens = 256 }: Task) => ({ until, maxTokens });

function sampleOf(
  task: Task,
  { documents, shape }: Documents,
  prompt: Prompt,
  answers: readonly Answer[],
  i: number,
): Sample {
  const { query, contexts, continuations, target, choices, gold } = prompt;
  const { row } = documents[i];
  const doc = shape.processed ? { ...row, query, choices, gold } : row;
  const { until, maxTokens } = generationOf(task);
  const asked = contexts.map((context, j): readonly unknown[] => {
    if (task.request === 'generate_until') return [context, { until, max_gen_toks: maxTokens, do_sample: false }];
    return task.request === 'loglikelihood_rolling' ? [continuations[j]] : [context, continuations[j]];
  });
  return {
    doc_id: i,
    doc,
    target,
    requests: asked,
    answers,
    values: Object.fromEntries(
      task.metrics.map((metric) => [metric, metrics[metric].of[task.request]?.(prompt, answers)]),
    ),
    hashes: { doc: sha256(JSON.stringify(doc, null, 2)), prompt: sha256(String(asked[0][0])), target: sha256(target) },
  };
}

const sha256 = (text: string) => nodeCrypto().createHash('sha256').update(text).digest('hex');
