// The README's library example, run as it stands there: what a reader copies must work.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');

it('the library example runs and prints what it says', async () => {
  const [, example] = /```js\n([\s\S]+?)```/.exec(readme) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'neuroal-readme-'));
  try {
    // As in a program of one's own, with the package under node_modules.
    writeFileSync(join(folder, 'example.mjs'), `${example}`);
    writeFileSync(join(folder, 'package.json'), '{}');
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules', 'neuroal'));
    const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: folder });
    expect(stdout).toMatch(/^69\.\d % of 1605632 weights are zero\n/);
    const [, perplexity, characters] = /\nperplexity ([\d.]+), (\d+) characters\n$/.exec(stdout) ?? [];
    expect(Number(perplexity)).toBeGreaterThan(10);
    expect(Number(characters)).toBeGreaterThan(10);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('the commands it names exist, with the options it names', async () => {
  const commands = [...readme.matchAll(/npx neuroal (\w+)/g)].map(([, name]) => name);
  expect(new Set(commands)).toEqual(
    new Set(['demo', 'prune', 'eval', 'generate', 'chat', 'convert', 'inspect', 'bench', 'sweep', 'doctor']),
  );
  const main = join(root, 'dist/cli/main.js');
  const helpOf = async (command: string) =>
    (await promisify(execFile)(process.execPath, [main, command, '--help'])).stdout;
  for (const command of new Set(commands)) expect(await helpOf(command)).toContain('--json');
  for (const command of ['demo', 'prune', 'eval', 'generate', 'chat', 'bench', 'sweep'])
    for (const option of ['--threads', '--deterministic']) expect(await helpOf(command)).toContain(option);
  const help = await helpOf('prune');
  const [, paragraph] = /\n(`prune` knows[\s\S]+?)\n\n/.exec(readme) ?? [];
  for (const [, option] of paragraph.matchAll(/`(--[\w-]+)/g)) expect(help).toContain(option);
});
