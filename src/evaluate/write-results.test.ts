// The folder of results: its names and layout, and, where Python has the harness, its own tools reading it.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { OutputError } from '../errors.js';
import { loadModel } from '../models/load-model.js';
import type { Model } from '../models/model.js';
import { evaluateTasks, type TaskEvaluation } from './evaluate-tasks.js';
import { taskNames } from './tasks/registry.js';
import { writeTaskResults } from './write-results.js';

const golden = (path: string) => fileURLToPath(new URL(`../../test/golden/${path}`, import.meta.url));
/** A Python that has the harness: LM_EVAL_PYTHON, or python3. */
const python = process.env.LM_EVAL_PYTHON ?? 'python3';
const noHarness = spawnSync(python, ['-c', 'import lm_eval, datasets']).status !== 0;
if (noHarness) console.warn(`skipped, ${python} has no lm_eval and datasets: the harness's tools on a written folder`);

let model: Model;
let home: string;
let evaluation: TaskEvaluation;
beforeAll(async () => {
  model = await loadModel(undefined, { threads: 1 });
  home = await folderWith();
  evaluation = await evaluateTasks(model, { tasks: taskNames, data: golden('tasks') });
});
afterAll(async () => {
  await model.dispose();
  await removeFolder(home);
});

const named = (source: string) => ({
  source,
  config: model.config,
  parameters: model.parameters,
  engine: model.engine,
});

describe('writeTaskResults', () => {
  it('writes the files of the harness, a line a document', async () => {
    const out = join(home, 'out');
    const file = await writeTaskResults(out, named('org/name'), evaluation, { limit: 5, seconds: 1.5 });
    expect(file).toMatch(/\/out\/org__name\/results_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.json$/);
    const date = file.slice(file.lastIndexOf('_') + 1, -'.json'.length);
    expect(readdirSync(join(out, 'org__name')).sort()).toEqual(
      [`results_${date}.json`, ...taskNames.map((task) => `samples_${task}_${date}.jsonl`)].sort(),
    );
    const document = JSON.parse(readFileSync(file, 'utf8'));
    expect(document).toMatchObject({
      results: evaluation.results,
      model_name: 'org/name',
      model_name_sanitized: 'org__name',
      config: { model_args: { pretrained: 'org/name' }, limit: 5 },
      total_evaluation_time_seconds: '1.5',
    });
    expect(document.configs.boolq).toMatchObject({
      task: 'boolq',
      doc_to_text: '{{passage}}\nQuestion: {{question}}?\nAnswer:',
      output_type: 'multiple_choice',
      metadata: { version: 2, bos: 'tokenizer', file: golden('tasks/boolq.jsonl') },
    });
    const lines = readFileSync(join(out, 'org__name', `samples_arc_easy_${date}.jsonl`), 'utf8')
      .trim()
      .split('\n');
    const [{ answers }] = evaluation.samples.arc_easy;
    expect(lines).toHaveLength(5);
    expect(JSON.parse(lines[0])).toEqual({
      doc_id: 0,
      doc: JSON.parse(readFileSync(golden('tasks/arc_easy.jsonl'), 'utf8').split('\n')[0]),
      target: '0',
      arguments: Object.fromEntries(
        ['sun and rain', 'a red ball', 'a loud noise', 'an old shoe'].map((choice, i) => [
          `gen_args_${i}`,
          { arg_0: 'Question: What do plants need to grow?\nAnswer:', arg_1: ` ${choice}` },
        ]),
      ),
      resps: answers.map(({ logProbability }) => [[String(logProbability), 'False']]),
      filtered_resps: answers.map(({ logProbability }) => [String(logProbability), 'False']),
      filter: 'none',
      metrics: ['acc', 'acc_norm'],
      doc_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      prompt_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      target_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      acc: expect.any(Number),
      acc_norm: expect.any(Number),
    });
  });

  it.skipIf(noHarness)('in a form that the harness’s own tools read', { timeout: 120_000 }, async () => {
    const out = join(home, 'harness');
    await writeTaskResults(out, named('./models/a:b'), evaluation);
    const { status, stdout, stderr } = spawnSync(python, [golden('read_results.py'), out], { encoding: 'utf8' });
    expect(stderr.trim().split('\n').at(-1) + (status === 0 ? '' : ' failed')).not.toMatch(/failed$/);
    expect(stdout).toMatch(/\n10 tasks read\n$/);
    for (const task of taskNames) expect(stdout).toMatch(new RegExp(`\\|${task} *\\|`));
  });

  it.each([
    ['..', /^[^.]/],
    ['.', /^[^.]/],
    ['/a/../b', /^__a__\.\.__b$/],
    ['x'.repeat(400), /^x{240}$/],
  ])('never leaves the folder, whatever the model is called (%s)', async (source, folder) => {
    const out = join(home, `place-${source.length}`);
    await writeTaskResults(out, named(source), { ...evaluation, samples: {} });
    const names = readdirSync(out);
    expect(names).toHaveLength(1);
    expect(names[0]).toMatch(folder);
  });

  it('says where it cannot write', async () => {
    const path = join(home, 'file');
    writeFileSync(path, '');
    const error = await writeTaskResults(path, named('a'), evaluation).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(OutputError);
    expect((error as Error).message).toBe(`expected a folder that results can be written to, got ENOTDIR, in ${path}`);
  });
});
