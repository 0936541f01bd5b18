// The tasks against lm-evaluation-harness 0.4.13 on the embedded model: its prompts with and without examples, with and
// without BOS, its log-likelihoods, results, standard errors and hashes (make_tasks.py).

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluateTasks, type TaskEvaluation } from '../../src/evaluate/evaluate-tasks.js';
import { type Bos, Requests } from '../../src/evaluate/requests.js';
import { taskNames } from '../../src/evaluate/tasks/registry.js';
import { loadModel } from '../../src/models/load-model.js';
import type { Model } from '../../src/models/model.js';

interface HarnessSample {
  doc?: object;
  target: string;
  arguments: string[][];
  resps: [number, boolean][];
  metrics: Record<string, number>;
  doc_hash: string;
  prompt_hash: string;
  target_hash: string;
}
interface Run extends Omit<TaskEvaluation, 'samples' | 'configs'> {
  numFewshot: number;
  bos: Bos;
  samples: Record<string, HarnessSample[]>;
}
interface Golden {
  runs: Run[];
  rolling: { text: string; logProbability: number }[];
  generate: { prompts: string[]; until: string[]; max_gen_toks: number; texts: string[] };
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const golden: Golden = JSON.parse(readFileSync(here('tasks.json'), 'utf8'));

let model: Model;
beforeAll(async () => {
  model = await loadModel(undefined, { threads: 1 });
});
afterAll(() => model.dispose());

it('knows every task of the harness run, and no other', () => {
  expect([...taskNames].sort()).toEqual(Object.keys(golden.runs[0].results).sort());
});

describe.each(golden.runs)('$numFewshot examples, bos $bos', ({ numFewshot, bos, samples, ...rest }) => {
  let got: TaskEvaluation;
  beforeAll(async () => {
    got = await evaluateTasks(model, { tasks: Object.keys(samples), data: here('tasks'), numFewshot, bos });
  }, 120_000);

  it.each(Object.keys(samples))('%s', (task) => {
    for (const [i, expected] of samples[task].entries()) {
      const sample = got.samples[task][i];
      expect(sample.requests).toEqual(expected.arguments);
      if (expected.doc) expect(JSON.stringify(sample.doc)).toBe(JSON.stringify(expected.doc));
      expect(sample.target).toBe(expected.target);
      const { doc_hash: doc, prompt_hash: prompt, target_hash: target } = expected;
      expect(sample.hashes).toEqual({ doc, prompt, target });
      for (const [j, [logProbability, greedy]] of expected.resps.entries()) {
        expect(sample.answers[j].logProbability).toBeCloseTo(logProbability, 3);
        expect(sample.answers[j].greedy).toBe(greedy);
      }
      for (const [metric, value] of Object.entries(expected.metrics))
        expect(sample.values[metric as 'acc']).toBeCloseTo(value, 3);
    }
    const { 'perplexity,none': perplexity, 'perplexity_stderr,none': error, ...exact } = rest.results[task];
    const { 'perplexity,none': ourPerplexity, 'perplexity_stderr,none': ourError, ...ours } = got.results[task];
    expect(ours).toEqual(exact);
    if (perplexity !== undefined) {
      expect(Number(ourPerplexity) / Number(perplexity)).toBeCloseTo(1, 4);
      expect(Number(ourError) / Number(error)).toBeCloseTo(1, 4);
    }
    for (const key of ['versions', 'n-shot', 'higher_is_better', 'n-samples'] as const)
      expect(got[key][task]).toEqual(rest[key][task]);
  });
});

it('answers rolling requests, longer than the context and empty ones too', async () => {
  const requests = new Requests(model, await model.tokenizer(), 'tokenizer');
  const got = await requests.loglikelihoodRolling(golden.rolling.map(({ text }) => text));
  for (const [i, { logProbability }] of golden.rolling.entries())
    expect(Math.abs(got[i] - logProbability)).toBeLessThan(1e-3 + 1e-6 * Math.abs(logProbability));
});

it('generates as it does, from prompts longer than the context too', async () => {
  const requests = new Requests(model, await model.tokenizer(), 'tokenizer');
  const { prompts, until, max_gen_toks, texts } = golden.generate;
  expect(await requests.generateUntil(prompts, { until, maxTokens: max_gen_toks })).toEqual(texts);
});
