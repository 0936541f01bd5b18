// The examples of docs/methods.md, docs/sources.md, docs/tasks.md and docs/runtime.md, run as they stand there, as in a program of one's own.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddedFolder } from '../src/checkpoint/embedded.js';
import { published } from '../src/data/published.js';
import { metrics } from '../src/evaluate/metrics.js';
import { taskNamed, taskNames } from '../src/evaluate/tasks/registry.js';
import { metricNames } from '../src/evaluate/tasks/task.js';
import { choices } from '../src/prune/options.js';
import { prune } from '../src/prune/prune.js';
import type { Score } from '../src/prune/scores/score.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const [page, sources, tasksPage] = ['docs/methods.md', 'docs/sources.md', 'docs/tasks.md'].map(read);
const blocks = (text: string, kind: string) =>
  [...text.matchAll(new RegExp(`\`\`\`${kind}\\n([\\s\\S]+?)\`\`\``, 'g'))].map(([, code]) => code);
const examples = blocks(page, 'js');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroal-docs-'));
  writeFileSync(join(folder, 'package.json'), '{}');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'neuroal'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What an example prints. */
async function run(example: string): Promise<string> {
  writeFileSync(join(folder, 'example.mjs'), example);
  return (await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: folder })).stdout;
}

it('the score of docs/methods.md prints what it says, and removes what a sort of its values does', async () => {
  // 89 of 128 inputs, 246 of 352, in each of 8 blocks.
  expect(await run(examples[0])).toBe(`tempered ${8 * (4 * 128 * 89 + 2 * 352 * 89 + 128 * 246)}\n`);
  /** The place of each weight in its row, by the score of the page. */
  const places: Score = {
    name: 'places',
    needsActivations: true,
    async score({ rows, columns, activations, readWeight }) {
      const weight = await readWeight();
      const a = activations as Float32Array;
      const mean = a.reduce((x, y) => x + y, 0) / columns;
      const matrix = new Float32Array(rows * columns);
      for (let start = 0; start < matrix.length; start += columns) {
        const scores = Float32Array.from(a, (v, c) => Math.abs(weight[start + c]) * Math.fround((v + mean) / 2));
        const order = [...scores.keys()].sort((i, j) => scores[i] - scores[j] || i - j);
        for (const [place, c] of order.entries()) matrix[start + c] = place;
      }
      return { matrix };
    },
  };
  const options = { topUp: 'uniform', samples: 4, seqLen: 64 } as const;
  await prune({ ...options, method: places, out: join(folder, 'places') });
  await prune({ ...options, method: 'wanda', out: join(folder, 'wanda') });
  const [tempered, sorted, wanda] = ['tempered', 'places', 'wanda'].map((name) =>
    readFileSync(join(folder, name, 'model.safetensors')),
  );
  expect(tempered.equals(sorted)).toBe(true);
  expect(tempered.equals(wanda)).toBe(false);
});

it('the allocation of docs/methods.md prints what it says', async () => {
  expect(await run(examples[1])).toBe('spared-ends 0.40 0.67 0.67 0.67 0.67 0.67 0.67 0.40\n');
});

it('names every method and every allocation', () => {
  expect(examples).toHaveLength(2);
  for (const name of [...choices.method, ...choices.topUp]) expect(page).toContain(`| \`${name}\` |`);
});

it('the examples of docs/runtime.md write what the library writes', async () => {
  const expected = await run(`
    import { generate, loadModel } from 'neuroal';
    const model = await loadModel(undefined, { threads: 1 });
    console.log((await generate(model, 'Once upon a time', { maxTokens: 8, temperature: 0 })).text);
    await model.dispose();`);
  expect(expected.length).toBeGreaterThan(10);
  const examples = blocks(read('docs/runtime.md'), 'js');
  expect(examples).toHaveLength(2);
  for (const example of examples) expect(await run(example)).toBe(expected);
});

describe('docs/sources.md', () => {
  beforeAll(() => {
    symlinkSync(embeddedFolder, join(folder, 'embedded'));
  });

  it('has an example that prints what it says', async () => {
    const [example, ...more] = blocks(sources, 'js');
    expect(more).toEqual([]);
    expect(await run(example)).toBe('text-128, 20 of 361 windows\nwanda-128, 20 of 375 windows\n');
  });

  it('has commands that run', async () => {
    const lines = blocks(sources, 'sh').join('').trim().split('\n');
    expect(lines).toHaveLength(2);
    const main = join(root, 'dist/cli/main.js');
    for (const line of lines) {
      const [, ...words] = line.split(' ').slice(1);
      const { stdout } = await promisify(execFile)(process.execPath, [main, ...words], { cwd: folder });
      for (const name of line.includes('ptb=') ? ['wikitext2', 'ptb'] : ['evaluation.txt'])
        expect(stdout).toContain(name);
    }
  });

  it('names the files that are downloaded', () => {
    for (const { repo, revision, files } of Object.values(published))
      for (const word of [repo, revision ?? repo, ...Object.values(files)]) expect(sources).toContain(`\`${word}\``);
  });
});

it('the examples of docs/tasks.md print what they say', async () => {
  const tasks = blocks(tasksPage, 'js');
  expect(tasks).toHaveLength(2);
  expect(await run(tasks[0])).toBe('name alias sample_len acc,none acc_stderr,none acc true\n');
  const printed = (await run(tasks[1])).trim();
  expect(tasksPage).toContain(`This prints \`${printed}\``);
});

it('docs/tasks.md has every task with its data set, version, metrics and columns, and every metric', () => {
  for (const name of taskNames) {
    const { version, dataset, splits, metrics: names, shapes } = taskNamed(name);
    const set = [dataset.path, dataset.name].filter(Boolean).join(', ');
    const split = splits.test ?? splits.validation;
    expect(tasksPage).toContain(` | ${set} (${split}) | ${version} | ${names.join(', ')} |`);
    for (const { columns } of shapes) expect(tasksPage).toContain(Object.keys(columns).join(', '));
  }
  expect(metricNames.filter((name) => !tasksPage.includes(`\`${name}\``))).toEqual([]);
  expect(Object.keys(metrics)).toEqual(metricNames);
});

it('a task is one file and one line', () => {
  const lines = read('src/evaluate/tasks/tasks.ts')
    .split('\n')
    .filter((line) => line.startsWith('export'));
  expect(lines).toHaveLength(taskNames.length);
  const others = ['evaluate-tasks.ts', 'documents.ts', 'prompts.ts', 'metrics.ts', 'requests.ts', 'write-results.ts'];
  for (const file of others)
    for (const name of taskNames) expect(read(`src/evaluate/${file}`)).not.toMatch(new RegExp(`\\b${name}\\b`));
});
