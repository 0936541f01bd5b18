// Sweeps over a model of a few thousand weights: what is recorded, and what is refused.

import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { changed, engine, home, json, out, place, run, states, useSweeps } from '../../test/sweep-rig.js';
import { withLock } from '../checkpoint/lock.js';
import { CheckpointError, DataError, OutputError, UsageError } from '../errors.js';
import { perplexity } from '../evaluate/perplexity.js';
import { loadModel } from '../models/load-model.js';
import type { Progress } from '../progress.js';
import { prune } from '../prune/prune.js';
import { version } from '../version.js';
import { sweep } from './sweep.js';

useSweeps();

describe('sweep', () => {
  it('records of each cell what prune and perplexity say of it', async () => {
    const { results } = await run({ grid: [{ topUp: 'uniform' }, { topUp: 'neuroal' }], sparsity: 0.6 });
    expect(results).toMatchObject({
      schema: 1,
      version,
      evaluation: { sources: [{ name: 'test.json', source: place('test.json') }], seqLen: null, limit: null },
      refused: [],
    });
    const measured = async (folder: string) => {
      const model = await loadModel(folder, engine);
      return perplexity(model, place('test.json')).finally(() => model.dispose());
    };
    const dense = { 'test.json': await measured(place('tiny')) };
    expect(results.dense).toEqual([{ model: place('tiny'), perplexity: dense }]);
    for (const [i, topUp] of (['uniform', 'neuroal'] as const).entries()) {
      const given = { topUp, sparsity: 0.6, searchSamples: 2, calibration: place('windows.json') };
      const record = await prune({ ...engine, ...given, model: place('tiny'), out: place(topUp) });
      const pruned = { 'test.json': await measured(place(topUp)) };
      const { id, options } = results.cells[i];
      const { created, seconds, peakRssBytes, cell, ...rest } = await json('cells', `${id}.json`);
      const { created: _, seconds: __, peakRssBytes: ___, ...expected } = record;
      expect(rest).toEqual({ ...expected, perplexity: pruned, dense });
      expect(cell).toMatchObject({ id, model: place('tiny'), options });
      expect(cell.key).toMatch(/^[0-9a-f]{64}$/);
      expect(id.endsWith(`-${cell.key.slice(0, 12)}`)).toBe(true);
      expect(options).toMatchObject({ ...given, step: topUp === 'uniform' ? null : 'both', samples: 128 });
      expect(results.cells[i]).toEqual({
        id,
        name: `${place('tiny')}, wanda, ${topUp === 'uniform' ? 'uniform' : 'neuroal'}, 60 %`,
        state: 'done',
        model: place('tiny'),
        options,
        achieved: record.sparsity.achieved,
        lambda: record.search?.lambda ?? null,
        perplexity: pruned,
        seconds: seconds.total,
        error: null,
      });
    }
    expect((await readdir(out)).sort()).toEqual(['cells', 'dense', 'results.csv', 'results.json', 'results.md']);
    const { created: _, ...written } = await json('results.json');
    const { created: __, ...returned } = results;
    expect(written).toEqual(returned);
    expect((await readFile(join(out, 'results.csv'), 'utf8')).split('\n')).toHaveLength(4);
    expect(await readFile(join(out, 'results.md'), 'utf8')).toContain('| wanda  | uniform |');
  });

  it('reads paths from the folder of the plan, and measures on several sources', async () => {
    await mkdir(place('plans'));
    const text = `
models: ../tiny
calibration: ../windows.json
sparsity: 0.5
topUp: uniform
evaluation: { source: [../test.json, ../other.json], limit: 2 }
`;
    await writeFile(place('plans/p.yaml'), text);
    const { cells, dense } = await sweep(place('plans/p.yaml'), { ...engine, out });
    expect(cells).toHaveLength(1);
    expect(cells[0]).toMatchObject({
      model: '../tiny',
      name: '../tiny, wanda, uniform, 50 %',
      perplexity: { 'test.json': { windows: 2 }, 'other.json': { windows: 2 } },
    });
    expect(Object.keys(dense[0].perplexity ?? {})).toEqual(['test.json', 'other.json']);
  });

  it('says which cell is at work', async () => {
    const seen: Progress[] = [];
    await run({ topUp: 'neuroal', sparsity: [0.5, 0.6] }, { onProgress: (progress) => seen.push(progress) });
    // Files are read once before the first cell.
    const cells = seen.slice(seen.findIndex(({ note }) => note !== undefined));
    const notes = cells.map(({ phase, note }) => `${phase}: ${note}`);
    expect(seen.slice(0, -cells.length).every(({ phase }) => phase === 'read')).toBe(true);
    expect(notes[0]).toBe('load: cell 1 of 2');
    expect(notes).toContain('prune: cell 2 of 2');
    expect(notes.filter((note) => note.startsWith('search: cell 1 of 2, '))).not.toEqual([]);
    expect(notes.every((note) => /: cell [12] of 2(, .+)?$/.test(note))).toBe(true);
  });
});

describe('a dry run', () => {
  it('writes and runs nothing, and says what is done', async () => {
    const none = await run({}, { dryRun: true });
    expect(states(none.results)).toEqual(['pending', 'pending', 'pending']);
    await expect(readdir(out)).rejects.toThrow('ENOENT');
    await run({ sparsity: 0.6 });
    const before = await changed();
    const { results, ran } = await run({}, { dryRun: true });
    expect(states(results)).toEqual(['pending', 'done', 'pending']);
    expect(results.dense[0].perplexity).not.toBeNull();
    expect(ran).toEqual([]);
    expect(await changed()).toEqual(before);
  });
});

describe('a data set of the hub', () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env = { ...before };
  });

  it('is taken to be there by a dry run', async () => {
    Object.assign(process.env, { HF_HOME: place('no-cache'), HF_HUB_OFFLINE: '1' });
    const plan = { calibration: 'c4', evaluation: { source: ['wikitext2'] } };
    expect(states((await run(plan, { dryRun: true })).results)).toEqual(['pending', 'pending', 'pending']);
    await expect(run(plan)).rejects.toThrow(
      'expected "en/c4-train.00000-of-01024.json.gz" of allenai/c4 in the cache, got nothing, while HF_HUB_OFFLINE=1 forbids',
    );
  });
});

describe('a sweep is refused', () => {
  it.each<[string, () => Promise<unknown>, new (...args: never[]) => Error, string]>([
    [
      'where the last set has a mistake',
      () => run({ grid: [{}, { step: 'block' }] }),
      UsageError,
      ', in the plan, set 2 of the grid (topUp uniform, step block, ',
    ],
    ['without a calibration', () => run({ calibration: place('none.txt') }), DataError, 'got no such file, in '],
    ['for a data set without a file', () => run({ calibration: 'c4=' }), UsageError, 'expected c4=FILE, got no file'],
    [
      'without a text to measure on',
      () => run({ evaluation: { source: ['embedded', place('none.txt')] } }),
      DataError,
      'got no such file, in ',
    ],
    ['without a model', () => run({ models: [place('tiny'), './none'] }), CheckpointError, 'got no such folder, in /'],
    ['without a folder to write to', () => run({}, { out: '' }), UsageError, 'expected a folder for the results'],
  ])('%s, before anything is written', async (_, attempt, kind, message) => {
    const error = await attempt().then(
      () => expect.unreachable(),
      (refusal) => refusal,
    );
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toContain(message);
    await expect(readdir(out)).rejects.toThrow('ENOENT');
  });

  it('for a folder that holds something else', async () => {
    await expect(run({}, { out: home })).rejects.toThrow(
      new OutputError({
        expected: 'a new or empty folder, or that of a sweep',
        got: 'one that holds something else; choose another',
        where: home,
      }),
    );
    await expect(run({}, { out: place('test.json') })).rejects.toThrow(OutputError);
    await mkdir(out);
    expect((await run({ sparsity: 0.5 })).ran).toEqual([1]);
  });

  it('while another one is at work there', async () => {
    await run({ sparsity: 0.5 });
    const lock = join(out, '.lock');
    const message = `expected one sweep at a time, got another one at work there (if there is none, delete ${lock}), in ${out}`;
    const own = await withLock(lock, {}, async () => {
      await expect(run()).rejects.toThrow(message);
      expect(states((await run({}, { dryRun: true })).results)).toEqual(['done', 'pending', 'pending']);
      return JSON.parse(await readFile(lock, 'utf8'));
    });
    // What a process leaves that was killed: its lock, and the model it was about to measure.
    const { pid } = spawnSync(process.execPath, ['--version']);
    await writeFile(lock, JSON.stringify({ ...own, pid }));
    await mkdir(join(out, '.pruned'));
    await writeFile(join(out, '.pruned', 'left'), '');
    expect((await run()).ran).toEqual([2, 3]);
    expect((await readdir(out)).sort()).toEqual(['cells', 'dense', 'results.csv', 'results.json', 'results.md']);
  });
});
