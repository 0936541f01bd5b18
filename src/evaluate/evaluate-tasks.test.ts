// Evaluation of tasks beyond the golden values: tasks of one's own with each request, documents from memory, what is
// refused, and that a run can be stopped.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { DataError, UsageError } from '../errors.js';
import { loadModel } from '../models/load-model.js';
import type { Model } from '../models/model.js';
import type { Progress } from '../progress.js';
import { evaluateTasks, prepareTasks, type TaskOptions } from './evaluate-tasks.js';
import { Requests } from './requests.js';
import type { Task } from './tasks/task.js';

let model: Model;
let home: string;
beforeAll(async () => {
  model = await loadModel(undefined, { threads: 1 });
  home = await folderWith();
});
afterAll(async () => {
  await model.dispose();
  await removeFolder(home);
});

/** A task of one's own. */
const own = (parts: Partial<Task>): Task => ({
  name: 'own',
  version: 1,
  dataset: { path: 'own', name: null },
  splits: { test: 'test' },
  request: 'loglikelihood_rolling',
  shapes: [{ columns: { text: 'text' }, target: '{{text}}' }],
  metrics: ['word_perplexity', 'byte_perplexity', 'bits_per_byte'],
  ...parts,
});

const rte = [{ sentence1: 'The dog ran.', sentence2: 'The dog moved.', label: 0 }];
const refused = (options: TaskOptions): Promise<Error> =>
  prepareTasks(options).then(
    () => new Error('nothing refused'),
    (error: Error) => error,
  );

describe('tasks of one’s own', () => {
  it('measure whole texts', async () => {
    const texts = ['Once upon a time there was a dog.', 'Lily was very happy. '.repeat(120)];
    const documents = { own: texts.map((text) => ({ text })) };
    const { results, samples } = await evaluateTasks(model, { tasks: [own({})], documents });
    const sums = await new Requests(model, await model.tokenizer(), 'tokenizer').loglikelihoodRolling(texts);
    const sum = sums[0] + sums[1];
    const bytes = texts[0].length + texts[1].length;
    expect(results.own['byte_perplexity,none']).toBeCloseTo(Math.exp(-sum / bytes), 9);
    expect(results.own['bits_per_byte,none']).toBeCloseTo(-sum / bytes / Math.LN2, 9);
    expect(results.own['word_perplexity,none']).toBeCloseTo(Math.exp(-sum / (8 + 481)), 9);
    expect(results.own['bits_per_byte_stderr,none']).toBe('N/A');
    expect(samples.own[1].requests).toEqual([[texts[1]]]);
  });

  it('generate, up to a stop text', async () => {
    const task = own({
      request: 'generate_until',
      shapes: [{ columns: { start: 'text', end: 'text' }, context: '{{start}}', target: '{{end}}' }],
      metrics: ['exact_match'],
      until: ['.'],
      maxTokens: 20,
    });
    const documents = [
      { start: 'Once upon a time', end: ', there was a little girl named Lily' },
      { start: 'One day, the cat', end: 'sat' },
    ];
    const { results, samples } = await evaluateTasks(model, { tasks: [task], documents: { own: documents } });
    expect(results.own['exact_match,none']).toBe(0.5);
    expect(samples.own[0].answers[0].text).toBe(documents[0].end);
    expect(samples.own[0].requests).toEqual([
      ['Once upon a time', { until: ['.'], max_gen_toks: 20, do_sample: false }],
    ]);
  });

  it.each<[string, Partial<Task>, string]>([
    [
      'a name that is a path',
      { name: '../x' },
      'expected the name of a task in letters, digits, "_" and "-", got "../x"',
    ],
    [
      'another request',
      { request: 'x' as 'generate_until' },
      'expected a request of multiple_choice, loglikelihood, loglikelihood_rolling, generate_until, got "x", in task own',
    ],
    [
      'a metric of other requests',
      { metrics: ['acc'] },
      'expected metrics of loglikelihood_rolling among word_perplexity, byte_perplexity, bits_per_byte, got "acc", in task own',
    ],
    ['no shapes', { shapes: [] }, 'expected one or more shapes and metrics, got none, in task own'],
    [
      'a context in a rolling request',
      { shapes: [{ columns: { text: 'text' }, context: '', target: '{{text}}' }] },
      'expected no context, in task "own"',
    ],
    [
      'a column that there is not',
      { shapes: [{ columns: { text: 'text' }, target: '{{txt}}' }] },
      'expected a name among text, got "txt", in task "own", target',
    ],
    [
      'choices without gold',
      {
        request: 'multiple_choice',
        metrics: ['acc'],
        shapes: [{ columns: { text: 'text' }, context: '{{text}}', choices: ['a'] }],
      },
      'expected gold, which says where the right answer stands, in task "own"',
    ],
    [
      'choices and contexts',
      {
        request: 'multiple_choice',
        metrics: ['acc'],
        shapes: [{ columns: { text: 'text' }, context: '{{text}}', choices: ['a'], contexts: ['b'] }],
      },
      'expected context and choices, or contexts and target, in task "own"',
    ],
    [
      'gold that is no number',
      {
        request: 'multiple_choice',
        metrics: ['acc'],
        shapes: [{ columns: { text: 'text' }, context: '{{text}}', choices: ['a'], gold: { column: 'text' } }],
      },
      'expected gold of a column of numbers, in task "own"',
    ],
  ])('refuses %s', async (_, parts, message) => {
    const task = own(parts);
    expect((await refused({ tasks: [task], documents: { [task.name]: [{ text: 'a' }] } })).message).toBe(message);
  });
});

describe('refuses', () => {
  it.each<[string, TaskOptions, string]>([
    [
      'a task that there is not',
      { tasks: ['arc_esy'] },
      'expected tasks among arc_challenge, arc_easy, boolq, copa, hellaswag, lambada_openai, openbookqa, piqa, rte, winogrande, got "arc_esy"; did you mean arc_easy?',
    ],
    ['no task', { tasks: [] }, 'expected one or more tasks, got none'],
    ['a task twice', { tasks: ['rte', 'rte'] }, 'expected each task once, got "rte" twice'],
    ['a limit of none', { tasks: ['rte'], limit: 0 }, 'expected a limit of 1 or more documents, got 0'],
    ['half an example', { tasks: ['rte'], numFewshot: 0.5 }, 'expected 0 or more examples (num-fewshot), got 0.5'],
    ['another bos', { tasks: ['rte'], bos: 'x' as 'none' }, 'expected bos to be tokenizer or none, got "x"'],
    ['no data', { tasks: ['rte'] }, 'expected the folder with rte.jsonl (--data DIR), got none'],
  ])('%s', async (_, options, message) => {
    const error = await refused(options);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toBe(message);
  });

  it('a folder without the file, or without the examples', async () => {
    const error = await refused({ tasks: ['openbookqa'], data: home });
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(`expected openbookqa.jsonl or openbook_qa.jsonl, got no such file, in ${home}`);
    await writeFile(join(home, 'rte.jsonl'), `${JSON.stringify(rte[0])}\n`);
    expect((await refused({ tasks: ['rte'], data: home, numFewshot: 2 })).message).toBe(
      `expected rte.train.jsonl, from which the 2 examples of a prompt are drawn, got no such file, in ${home}`,
    );
  });

  it('fewer examples than are asked for', async () => {
    const documents = { rte, 'rte.train': [...rte, ...rte] };
    expect((await refused({ tasks: ['rte'], documents, numFewshot: 2 })).message).toBe(
      'expected at least 3 documents to draw examples from, got 2, in rte.train',
    );
    expect((await refused({ tasks: ['rte'], documents, numFewshot: 1 })).message).toBe(
      'expected at least 1 documents that differ from the question, got 0, in rte.train',
    );
  });

  it('an answer that fills more than the context', async () => {
    const documents = { lambada_openai: [{ text: `One ${'wordy'.repeat(600)}` }] };
    await expect(evaluateTasks(model, { tasks: ['lambada_openai'], documents })).rejects.toThrow(
      /^expected an answer of at most 512 tokens \(the model's context\), got \d+, in document 0 of lambada_openai$/,
    );
  });
});

it('takes contexts of one token, empty ones, and answers that fill the context', async () => {
  const requests = new Requests(model, await model.tokenizer(), 'none');
  const tokenizer = await model.tokenizer();
  const pairs = [
    { context: 'a', continuation: ' b', where: '' },
    { context: '', continuation: ' b', where: '' },
    { context: '  ', continuation: 'b', where: '' },
    { context: 'Once upon a time', continuation: ` ${'so '.repeat(500)}`, where: '' },
  ];
  while (tokenizer.encode(pairs[3].context + pairs[3].continuation, { addSpecialTokens: false }).length > 512)
    pairs[3].continuation = pairs[3].continuation.slice(0, -3);
  const got = await requests.loglikelihood(pairs, [[0], [1], [2], [3]]);
  for (const { logProbability } of got) expect(logProbability).toBeLessThan(0);
  // <s> stands where there is nothing.
  const ids = [1, ...tokenizer.encode(' b', { addSpecialTokens: false })];
  const [alone] = await model.logProbabilities([ids]);
  expect(got[1].logProbability).toBeCloseTo(
    alone.reduce((sum, v) => sum + v, 0),
    4,
  );
});

it('gives the same results whatever is beside, reports as it goes, and stops when asked', async () => {
  const documents = {
    rte: Array.from({ length: 30 }, (_, i) => ({ ...rte[0], sentence1: `${'Dog '.repeat(i)}ran.` })),
  };
  const seen: Progress[] = [];
  const all = await evaluateTasks(model, { tasks: ['rte'], documents, onProgress: (p) => seen.push(p) });
  const few = await evaluateTasks(model, { tasks: ['rte'], documents, limit: 4 });
  expect(all.samples.rte.slice(0, 4)).toEqual(few.samples.rte);
  expect(few['n-samples'].rte).toEqual({ original: 30, effective: 4 });
  expect(seen[0]).toEqual({ phase: 'tokenize', done: 0, total: 60, note: 'rte' });
  expect(seen.at(-1)).toEqual({ phase: 'evaluate', done: 60, total: 60, note: 'rte' });
  const stop = new AbortController();
  const onProgress = ({ phase }: Progress) => phase === 'evaluate' && stop.abort(new Error('enough'));
  await expect(
    evaluateTasks(model, {
      tasks: ['rte', 'copa'],
      documents: { ...documents, copa: [{ query: 'A', choices: ['b'], gold: 0 }] },
      signal: stop.signal,
      onProgress,
    }),
  ).rejects.toThrow('enough');
});

it('tells of a file as it is read, and stops when asked', async () => {
  // Nothing but line ends: no line of it is ever seen.
  await writeFile(join(home, 'boolq.jsonl'), gzipSync('\n'.repeat(2 ** 22)));
  const seen: Progress[] = [];
  const options = { tasks: ['boolq'], data: home };
  await expect(prepareTasks({ ...options, onProgress: (p) => seen.push(p) })).rejects.toThrow('got none');
  expect(seen.length).toBeGreaterThan(10);
  expect(seen[0]).toMatchObject({ phase: 'read', note: 'boolq.jsonl' });
  const stop = new AbortController();
  let told = 0;
  const onProgress = () => ++told === 2 && stop.abort(new Error('enough'));
  await expect(prepareTasks({ ...options, signal: stop.signal, onProgress })).rejects.toThrow('enough');
  expect(told).toBeLessThanOrEqual(3);
});
