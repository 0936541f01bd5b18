// The examples of docs/methods.md, run as they stand there, as in a program of one's own.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { choices } from '../src/prune/options.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(root, 'docs/methods.md'), 'utf8');
const examples = [...page.matchAll(/```js\n([\s\S]+?)```/g)].map(([, code]) => code);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroal-docs-'));
  writeFileSync(join(folder, 'package.json'), '{}');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'neuroal'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  // 89 of 128 inputs, 246 of 352, in each of 8 blocks.
  [0, `tempered ${8 * (4 * 128 * 89 + 2 * 352 * 89 + 128 * 246)}\n`],
  [1, 'spared-ends 0.40 0.40\n'],
])('example %i of docs/methods.md prints what it says', async (i, printed) => {
  writeFileSync(join(folder, 'example.mjs'), examples[i]);
  const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: folder });
  expect(stdout).toBe(printed);
});

it('names every method and every allocation', () => {
  expect(examples).toHaveLength(2);
  for (const name of [...choices.method, ...choices.topUp]) expect(page).toContain(`| \`${name}\` |`);
});
