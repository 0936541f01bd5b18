// Sweeps that are run again: which cells run and which do not, and what is left where a sweep was stopped or a cell failed.

import { cp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeFolder } from '../../test/checkpoint-fixture.js';
import { tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../test/golden/tiny-llama.js';
import { changed, json, out, place, run, states, useSweeps } from '../../test/sweep-rig.js';
import type { Progress } from '../progress.js';
import type { SweepPlan } from './plan.js';
import type { SweepOptions } from './run.js';

useSweeps();

describe('a sweep that is run again', () => {
  it('runs what has no record', async () => {
    const first = await run();
    expect(first.ran).toEqual([1, 2, 3]);
    const before = await changed();
    expect((await run()).ran).toEqual([]);
    const { id } = first.results.cells[1];
    await rm(join(out, 'cells', `${id}.json`));
    const again = await run();
    expect(again.ran).toEqual([2]);
    const { [`${id}.json`]: old, ...others } = before;
    const after = await changed();
    expect(after).toMatchObject(others);
    expect(after[`${id}.json`]).toBeGreaterThan(old);
    const bare = ({ cells }: typeof first.results) => cells.map(({ seconds: _, ...rest }) => rest);
    expect(bare(again.results)).toEqual(bare(first.results));
  });

  it('takes over the cells that another plan shares', async () => {
    await run();
    expect((await run({ method: ['magnitude', 'wanda'], sparsity: [0.7, 0.8] })).ran).toEqual([1, 2, 4]);
    // Defaults may be written down, and files be called otherwise.
    await cp(place('windows.json'), place('same.json'));
    expect((await run({ calibration: place('same.json'), granularity: 'row', seed: 0 })).ran).toEqual([]);
    expect((await run({}, { threads: 2 })).ran).toEqual([]);
  });

  it.each<[string, () => Promise<unknown>, (() => Partial<SweepPlan>)?, Partial<SweepOptions>?]>([
    ['weights', async () => cp(place('weights'), place('tiny/model.safetensors'))],
    [
      'config.json',
      async () => writeFile(place('tiny/config.json'), JSON.stringify({ ...tinyConfig, rms_norm_eps: 1e-6 })),
    ],
    ['calibration', async () => writeFile(place('windows.json'), JSON.stringify(tinyWindows(4, 12, 5)))],
    ['text to measure on', async () => writeFile(place('test.json'), JSON.stringify(tinyWindows(3, 16, 5)))],
    ['number of windows', async () => {}, () => ({ evaluation: { source: place('test.json'), limit: 1 } })],
    ['number of samples', async () => {}, () => ({ samples: 3 })],
    ['kind of kernels', async () => {}, undefined, { deterministic: false }],
  ])('runs everything where the %s changed', async (_, change, more, options = {}) => {
    const other = await tinyFolder(tinyConfig, tinyTensors(tinyConfig, 2));
    await cp(join(other, 'model.safetensors'), place('weights'));
    await removeFolder(other);
    const first = await run({ sparsity: 0.5 });
    await change();
    const second = await run({ sparsity: 0.5, ...more?.() }, options);
    expect(second.ran).toEqual([1]);
    expect(second.results.cells[0].id).not.toBe(first.results.cells[0].id);
  });

  it.each([
    ['is cut off', (text: string) => text.slice(0, 200)],
    ['is not an object', () => 'null'],
    ['has another key', (text: string) => text.replace(/"key": "./, '"key": "x')],
  ])('runs a cell whose record %s', async (_, broken) => {
    const { results } = await run({ sparsity: 0.5 });
    const file = join(out, 'cells', `${results.cells[0].id}.json`);
    await writeFile(file, broken(await readFile(file, 'utf8')));
    expect((await run({ sparsity: 0.5 })).ran).toEqual([1]);
    expect((await run({ sparsity: 0.5 })).ran).toEqual([]);
  });

  it('measures the dense model once', async () => {
    await run();
    const [name] = await readdir(join(out, 'dense'));
    const file = join(out, 'dense', name);
    await utimes(file, 1, 1);
    await run({ method: 'magnitude' });
    expect(await readdir(join(out, 'dense'))).toEqual([name]);
    expect((await stat(file)).mtimeMs).toBe(1000);
  });

  it('keeps models where asked, and makes those again that are gone', async () => {
    const { results } = await run({ sparsity: [0.5, 0.6] });
    await expect(readdir(join(out, 'models'))).rejects.toThrow('ENOENT');
    const ids = results.cells.map(({ id }) => id);
    expect((await run({ sparsity: [0.5, 0.6] }, { keepModels: true })).ran).toEqual([1, 2]);
    expect((await readdir(join(out, 'models'))).sort()).toEqual([...ids].sort());
    expect(await readdir(join(out, 'models', ids[0]))).toContain('model.safetensors');
    await rm(join(out, 'models', ids[1]), { recursive: true });
    expect((await run({ sparsity: [0.5, 0.6] }, { keepModels: true })).ran).toEqual([2]);
    expect((await run({ sparsity: [0.5, 0.6] })).ran).toEqual([]);
    expect((await readdir(join(out, 'models'))).sort()).toEqual([...ids].sort());
  });
});

describe('a sweep that is stopped', () => {
  it('loses the cell at hand and nothing else', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const onProgress = ({ phase, done, note }: Progress) => {
      if (phase === 'prune' && done === 1 && note?.startsWith('cell 2')) stop.abort(reason);
    };
    const ran: number[] = [];
    const onCell: SweepOptions['onCell'] = (_, number) => ran.push(number);
    await expect(run({}, { signal: stop.signal, onProgress, onCell })).rejects.toBe(reason);
    expect(ran).toEqual([1]);
    expect((await readdir(out)).sort()).toEqual(['cells', 'dense', 'results.csv', 'results.json', 'results.md']);
    expect(states(await json('results.json'))).toEqual(['done', 'pending', 'pending']);
    const again = await run();
    expect(again.ran).toEqual([2, 3]);
    expect(states(again.results)).toEqual(['done', 'done', 'done']);
  });

  it('begins nothing where it was stopped before', async () => {
    const reason = new Error('never');
    await expect(run({}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(readdir(out)).rejects.toThrow('ENOENT');
  });
});

describe('a cell that fails', () => {
  it('is recorded, does not keep the others from running, and is tried again', async () => {
    const more = { grid: [{ sparsity: 0.5 }, { pattern: ['3:5', '2:4'] }] };
    const { results, ran } = await run(more);
    expect(ran).toEqual([1, 2, 3]);
    expect(states(results)).toEqual(['done', 'failed', 'done']);
    const message = 'expected a pattern whose m divides the inputs of every layer, got 3:5: self_attn.q_proj has 16';
    const { id, error } = results.cells[1];
    expect(error).toBe(message);
    const record = await json('cells', `${id}.json`);
    expect(Object.keys(record)).toEqual(['schema', 'version', 'created', 'cell', 'error']);
    expect(record.error).toEqual({ code: 'USAGE', message });
    expect(states((await run(more, { dryRun: true })).results)).toEqual(['done', 'failed', 'done']);
    expect((await run(more)).ran).toEqual([2]);
  });

  it('fails with its model', async () => {
    await cp(place('tiny'), place('broken'), { recursive: true });
    await rm(place('broken/model.safetensors'));
    const { results } = await run({ models: [place('broken'), place('tiny')], sparsity: [0.5, 0.6] });
    expect(states(results)).toEqual(['failed', 'failed', 'done', 'done']);
    expect(results.cells[0].error).toMatch(/^expected .*model\.safetensors/);
    expect(results.dense.map(({ perplexity }) => perplexity === null)).toEqual([true, false]);
  });

  it('has its model measured once, where that is what failed', async () => {
    await writeFile(place('test.json'), '[[1, 2], [3, 99]]');
    let loads = 0;
    const onProgress = ({ phase, done }: Progress) => {
      if (phase === 'load' && done === 1) loads++;
    };
    const { results } = await run({}, { onProgress });
    const message = "expected token ids from 0 to 39 (the model's vocabulary), got 99, in test.json, window 1";
    expect(results.cells.map(({ error }) => error)).toEqual([message, message, message]);
    expect(loads).toBe(1);
  });
});
