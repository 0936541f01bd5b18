// `neuroal sweep` from outside: what it prints, its exit codes, and that Ctrl-C loses no more than one cell. The example
// of docs/sweep.md runs as it stands there.

import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../src/version.js';
import { startBin } from './bin.js';

const page = new URL('../docs/sweep.md', import.meta.url);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroal-sweep-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sweep = (...args: string[]) => startBin(['sweep', ...args, '--threads', '1'], folder).ended;
/** Writes a plan of one evaluation window and calibration of two; returns its name. */
async function plan(name: string, text: string): Promise<string> {
  const common = 'models: embedded\nsamples: 2\nsearchSamples: 1\nseqLen: 32\nevaluation: { seqLen: 32, limit: 1 }\n';
  await writeFile(join(folder, name), common + text);
  return name;
}

describe('neuroal sweep', () => {
  it('runs the example of its page, and prints what stands there', async () => {
    const text = await readFile(page, 'utf8');
    const [, yaml] = /```yaml\n(.*?)```/s.exec(text) ?? [];
    const [, table] = /```markdown\n(.*?)```/s.exec(text) ?? [];
    await writeFile(join(folder, 'plan.yaml'), yaml);
    const { code, out, err } = await sweep('plan.yaml', '--out', 'example', '--deterministic');
    expect({ code, out }).toEqual({ code: 0, out: table });
    const lines = err.split('\n');
    expect(lines).toHaveLength(9);
    expect(lines[4]).toMatch(
      /^5\/8 {2}embedded, wanda, neuroal, 60 %: perplexity \d+\.\d\d on evaluation\.txt \(\d+\.\d s\)$/,
    );
    expect(await readFile(join(folder, 'example', 'results.md'), 'utf8')).toBe(table);
    expect(await readdir(join(folder, 'example', 'cells'))).toHaveLength(8);
  }, 120_000);

  it('lists, runs and goes on', async () => {
    const name = await plan('small.yaml', 'topUp: uniform\nsparsity: [0.5, 0.6]\n');
    const list = (first: string, second: string, done: number) => ({
      code: 0,
      out: `${first.padEnd(7)}  embedded, wanda, uniform, 50 %\n${second.padEnd(7)}  embedded, wanda, uniform, 60 %\n${done} of 2 cells done\n`,
      err: '',
    });
    expect(await sweep(name, '--out', 'small', '--dry-run')).toEqual(list('pending', 'pending', 0));
    await expect(stat(join(folder, 'small'))).rejects.toThrow('ENOENT');
    const { code, out, err } = await sweep(name, '--out', 'small', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const document = JSON.parse(out);
    expect(document).toEqual(JSON.parse(await readFile(join(folder, 'small', 'results.json'), 'utf8')));
    expect(document).toMatchObject({ schema: 1, version, refused: [] });
    expect(document.cells.map(({ state }: { state: string }) => state)).toEqual(['done', 'done']);
    await rm(join(folder, 'small', 'cells', `${document.cells[1].id}.json`));
    expect(await sweep(name, '--out', 'small', '--dry-run')).toEqual(list('done', 'pending', 1));
    const again = await sweep(name, '--out', 'small');
    expect(again.code).toBe(0);
    expect(again.err).toMatch(/^2\/2 {2}embedded, wanda, uniform, 60 %: perplexity .+\n$/);
    expect(again.out).toContain('| wanda  | uniform |');
    expect(await sweep(name, '--out', 'small', '--quiet')).toEqual({ code: 0, out: again.out, err: '' });
  });

  it('exits with 1 where a cell failed, and with 2 for a plan with a mistake', async () => {
    const failing = await plan('failing.yaml', 'topUp: uniform\ngrid: [{ pattern: [7:11, 2:4] }]\n');
    const { code, out, err } = await sweep(failing, '--out', 'failing', '--quiet');
    expect(code).toBe(1);
    expect(out).toMatch(
      /\n\| wanda {2}\| uniform \| +\d+\.\d\d \| failed \|\n\nFailed:\n\n- embedded, wanda, uniform, 7:11: expected /,
    );
    expect(err).toBe('neuroal: 1 of 2 cells failed; the same command tries them again\n');
    const wrong = await plan('wrong.yaml', 'grid: [{}, { stpe: both }]\n');
    const refused = await sweep(wrong, '--out', 'wrong');
    expect(refused).toMatchObject({ code: 2, out: '' });
    expect(refused.err).toMatch(
      /^neuroal: expected one of .+, got "stpe"; did you mean step\?, in wrong\.yaml, set 2 of the grid\n$/,
    );
    await expect(stat(join(folder, 'wrong'))).rejects.toThrow('ENOENT');
  });

  it.concurrent.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('loses the cell at hand after %s', async (signal, code) => {
    // The first cell takes no time, the second one much.
    const name = await plan(
      `${signal}.yaml`,
      'grid: [{ topUp: uniform }, { topUp: neuroal, samples: 64, searchSamples: 32, seqLen: 256 }]\n',
    );
    const { child, ended } = startBin(['sweep', name, '--out', signal], folder);
    const files = () => readdir(join(folder, signal)).catch(() => []);
    const cells = () => readdir(join(folder, signal, 'cells')).catch(() => []);
    const isAtSecond = async () => (await cells()).length === 1 && (await files()).some((file) => /pruned/.test(file));
    while (!(await isAtSecond()) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal);
    const { err, ...rest } = await ended;
    expect(rest).toEqual({ code, out: '' });
    expect(err.split('\n').slice(1)).toEqual([
      `What is done is in ${signal}; the same command goes on.`,
      'neuroal: interrupted',
      '',
    ]);
    expect((await files()).sort()).toEqual(['cells', 'dense', 'results.csv', 'results.json', 'results.md']);
    expect(await cells()).toHaveLength(1);
    const { out } = await sweep(name, '--out', signal, '--dry-run');
    expect(out.split('\n').map((line) => line.slice(0, 7))).toEqual(['done   ', 'pending', '1 of 2 ', '']);
  });
});
