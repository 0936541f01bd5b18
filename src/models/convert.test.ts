// A pruned model in every form: what runs on the sparse folder is what runs on the dense one.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { folderOf, models } from '../../test/golden/tiny-families.js';
import { embeddedFolder } from '../checkpoint/embedded.js';
import { openCheckpoint } from '../checkpoint/open-checkpoint.js';
import { OutputError, UsageError } from '../errors.js';
import { perplexity } from '../evaluate/perplexity.js';
import { generate } from '../generate/generate.js';
import type { LongRunning } from '../progress.js';
import type { PruneOptions } from '../prune/options.js';
import { prune } from '../prune/prune.js';
import { convert } from './convert.js';
import { graphOf } from './families.js';
import { inspect } from './inspect.js';
import { loadModel } from './load-model.js';

let home: string;
const place = (name: string) => join(home, name);
const pruning: Omit<PruneOptions, 'out'> = {
  topUp: 'uniform',
  sparsity: 0.7,
  samples: 4,
  seqLen: 64,
  ...{ deterministic: true, threads: 1 },
};
beforeAll(async () => {
  home = await folderWith();
  await prune({ ...pruning, out: place('dense') });
  await convert({ model: place('dense'), out: place('sparse'), format: 'sparse' });
});
afterAll(() => removeFolder(home));

/** The tensors of a folder with one file, without its header. */
async function dataOf(name: string): Promise<Buffer> {
  const file = await readFile(join(place(name), 'model.safetensors'));
  return file.subarray(8 + Number(file.readBigUInt64LE()));
}
/** Whether a file is the same in two folders. */
async function same(file: string, ...folders: string[]): Promise<boolean> {
  const [a, b] = await Promise.all(folders.map((folder) => readFile(join(folder, file))));
  return a.equals(b);
}
async function ppl(folder: string): Promise<number> {
  const model = await loadModel(folder, { threads: 1, deterministic: true });
  const { nll } = await perplexity(model, undefined, { seqLen: 64, limit: 8 });
  await model.dispose();
  return nll;
}

describe('the embedded model at 70 %', () => {
  it('runs sparse as it runs dense, bit for bit', async () => {
    expect(await ppl(place('sparse'))).toBe(await ppl(place('dense')));
    const texts = [];
    for (const name of ['sparse', 'dense']) {
      const model = await loadModel(place(name), { threads: 1, deterministic: true });
      texts.push((await generate(model, 'Once upon a time', { maxTokens: 16, temperature: 0 })).text);
      await model.dispose();
    }
    expect(texts[0]).toBe(texts[1]);
  });

  it('becomes dense again with the same tensors in the same order, and every other file as it was', async () => {
    await convert({ model: place('sparse'), out: place('back'), format: 'dense' });
    expect((await dataOf('back')).equals(await dataOf('dense'))).toBe(true);
    const files = (await readdir(place('dense'))).sort();
    for (const name of ['sparse', 'back']) expect((await readdir(place(name))).sort()).toEqual(files);
    for (const file of files.filter((f) => f !== 'model.safetensors')) {
      const found = await Promise.all(['back', 'sparse'].map((name) => same(file, place(name), place('dense'))));
      expect([file, ...found]).toEqual([file, true, file !== 'config.json']);
    }
    // Written by this writer from the start, the file is the same too.
    await convert({ model: place('back'), out: place('sparse2'), format: 'sparse' });
    await convert({ model: place('sparse2'), out: place('back2'), format: 'dense' });
    for (const [a, b] of [
      ['back', 'back2'],
      ['sparse', 'sparse2'],
    ])
      expect(await same('model.safetensors', place(a), place(b))).toBe(true);
  });

  it('takes what the parts take, and inspect says so', async () => {
    const record = await convert({ model: place('dense'), out: place('bf16'), format: 'sparse', values: 'bf16' });
    const inspection = await inspect(place('bf16'));
    const dense = await inspect(place('dense'));
    expect(record).toMatchObject({
      schema: 1,
      model: { source: place('dense'), family: 'llama', parameters: 1673344 },
      convert: { format: 'sparse', values: 'bf16' },
      bytes: { before: 3355192, after: inspection.bytes },
    });
    expect(inspection.layers).toHaveLength(56);
    for (const [i, layer] of inspection.layers.entries()) {
      const { rows, cols, zeros } = layer;
      const expected = 2 * (rows * cols - zeros) + rows * Math.ceil(cols / 8) + 8 * rows + 16;
      const runs = { values: 'bf16', sparse: true, bytes: 3 * (rows * cols - zeros) + (rows * cols) / 128 };
      expect(layer).toEqual({ ...dense.layers[i], dtype: 'BF16', format: 'sparse', bytes: expected, runs });
      const { name, block, format, dtype, bytes } = layer;
      expect(record.layers[i]).toEqual({ name, block, rows, cols, format, dtype, bytes });
    }
    const sum = (layers: { bytes: number }[]) => layers.reduce((s, { bytes }) => s + bytes, 0);
    // 69.6 % zeros: 2 · 0.304 + 1/8 B for each weight and 8 B for each row, of 2 B.
    expect(sum(inspection.layers) / sum(dense.layers)).toBeCloseTo(0.3935, 4);
    expect(dense.layers.every((layer) => !('format' in layer) && layer.dtype === 'F16')).toBe(true);
  });

  it('loses little to int8, reads as f32, and is dense in any float', async () => {
    const { layers } = await convert({ model: place('dense'), out: place('int8'), format: 'sparse', values: 'int8' });
    expect(layers.every(({ dtype, format }) => dtype === 'I8' && format === 'sparse')).toBe(true);
    expect((await inspect(place('int8'))).layers[0]).toMatchObject({ dtype: 'I8', format: 'sparse' });
    const [rough, exact] = [await openCheckpoint(place('int8')), await openCheckpoint(place('dense'))];
    for (const { name, rows, cols } of layers) {
      const values = await rough.readFloats(`${name}.weight`, [rows, cols]);
      const weights = await exact.readFloats(`${name}.weight`, [rows, cols]);
      for (let r = 0; r < rows; r++) {
        const [value, weight] = [values, weights].map((all) => all.subarray(r * cols, (r + 1) * cols));
        // Half a scale, which f32 rounds: a few units in the last place of the row's largest weight.
        const largest = Math.max(...weight.map(Math.abs));
        const most = largest / 254 + largest * 2 ** -22;
        expect(value.every((v, c) => Math.abs(v - weight[c]) <= most && (weight[c] !== 0 || v === 0))).toBe(true);
      }
    }
    await Promise.all([rough.close(), exact.close()]);
    expect(await ppl(place('int8'))).toBeCloseTo(await ppl(place('dense')), 1);
    await convert({ model: place('int8'), out: place('from8'), format: 'dense', values: 'f16' });
    expect((await inspect(place('from8'))).layers[0]).toMatchObject({ dtype: 'F16', bytes: 2 * 128 * 128 });
    await convert({ model: place('int8'), out: place('from8f'), format: 'dense' });
    expect((await inspect(place('from8f'))).layers[0]).toMatchObject({ dtype: 'F32', bytes: 4 * 128 * 128 });
    expect(await ppl(place('from8f'))).toBe(await ppl(place('int8')));
  });

  it('is pruned into a sparse folder by prune itself, and a sparse folder is pruned like a dense one', async () => {
    const record = await prune({ ...pruning, out: place('direct'), format: 'sparse' });
    expect(record.format).toBe('sparse');
    expect(record.layers.every(({ format }) => format === 'sparse')).toBe(true);
    for (const file of ['model.safetensors', 'config.json'])
      expect([file, await same(file, place('direct'), place('sparse'))]).toEqual([file, true]);
    expect(JSON.parse(await readFile(join(place('direct'), 'neuroal.json'), 'utf8'))).toEqual(record);
    const more = { ...pruning, sparsity: 0.8 };
    await prune({ ...more, model: place('sparse'), out: place('sparse-80') });
    await prune({ ...more, model: place('dense'), out: place('dense-80') });
    expect((await dataOf('sparse-80')).equals(await dataOf('dense-80'))).toBe(true);
    expect(await same('config.json', place('sparse-80'), embeddedFolder)).toBe(true);
  });
});

it('weights that are not pruned stay dense, and so does the folder', async () => {
  const { layers } = await convert({ out: place('unpruned'), format: 'sparse' });
  expect(layers.every(({ format, dtype }) => format === 'dense' && dtype === 'F16')).toBe(true);
  const { layers: found, bytes } = await inspect(place('unpruned'));
  expect(found.every(({ format }) => format === undefined)).toBe(true);
  const config = (folder: string) => readFile(join(folder, 'config.json'), 'utf8');
  expect(await config(place('unpruned'))).toBe(await config(embeddedFolder));
  expect(bytes).toBeLessThan(3355192);
  expect(await ppl(place('unpruned'))).toBe(await ppl(embeddedFolder));
});

it('a transposed weight is sparse as it lies in the file', async () => {
  const name = Object.keys(models).find((key) => models[key].config.model_type === 'gpt2') as string;
  const folder = await folderOf(models[name]);
  const out = (form: string) => place(`gpt2-${form}`);
  await prune({
    ...pruning,
    model: folder,
    calibration: join(folder, 'windows.json'),
    seqLen: undefined,
    out: out('dense'),
  });
  const { layers } = await convert({ model: out('dense'), out: out('sparse'), format: 'sparse' });
  const checkpoint = await openCheckpoint(out('sparse'));
  const { rows, columns } = graphOf(checkpoint).linears[0];
  expect(rows).not.toBe(columns);
  expect(layers[0]).toMatchObject({ rows, cols: columns, format: 'sparse' });
  expect(checkpoint.info(`${layers[0].name}.weight`).shape).toEqual([columns, rows]);
  const dense = await openCheckpoint(out('dense'));
  for (const weight of dense.names())
    expect(Buffer.from(await checkpoint.read(weight)).equals(Buffer.from(await dense.read(weight)))).toBe(true);
  await Promise.all([checkpoint.close(), dense.close()]);
  expect((await inspect(out('sparse'))).blocks).toEqual((await inspect(out('dense'))).blocks);
  await removeFolder(folder);
});

describe('what goes wrong', () => {
  const options = (more: object) => ({ model: place('dense'), out: place('none'), format: 'sparse' as const, ...more });
  it.each([
    [{ format: 'sprase' }, 'expected format dense, sparse, got "sprase"'],
    [{ values: 'int4' }, 'expected values f32, f16, bf16, int8, got "int4"'],
    [{ values: 'toString' }, 'expected values f32, f16, bf16, int8, got "toString"'],
    [{ format: 'dense', values: 'int8' }, 'expected values f32, f16 or bf16 with format dense, got int8'],
    [{ out: '' }, 'expected a folder to write (out), got none'],
  ])('%j is refused', async (more, message) => {
    const error = await convert(options(more)).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(message);
  });
  it('prune refuses an unknown format before anything else', async () => {
    const bad = { ...pruning, out: place('none'), format: 'sprase' as 'sparse' };
    await expect(prune(bad)).rejects.toThrow('expected format dense, sparse, got "sprase"');
  });

  it('a model that stands there is replaced with force only', async () => {
    await mkdir(place('taken'));
    await writeFile(join(place('taken'), 'config.json'), '{"model_type":"opt"}');
    await expect(convert(options({ out: place('taken') }))).rejects.toThrow(OutputError);
    await expect(convert(options({ out: place('dense') }))).rejects.toThrow('got the model folder itself');
    expect(await readdir(place('taken'))).toEqual(['config.json']);
    await convert(options({ out: place('taken'), force: true }));
    expect((await inspect(place('taken'))).layers[0].format).toBe('sparse');
  });

  it.each<[string, (running: LongRunning) => Promise<unknown>]>([
    ['convert', (running) => convert({ ...options({ out: place('new/deep/out') }), ...running })],
    ['prune', (running) => prune({ ...pruning, out: place('new/deep/out'), format: 'sparse', ...running })],
  ])('%s leaves nothing when stopped, wherever', async (_, work) => {
    const before = (await readdir(home)).sort();
    // Of 56: counting, and writing.
    for (const phase of ['load', 'save'] as const) {
      const abort = new AbortController();
      const onProgress: LongRunning['onProgress'] = (progress) => {
        if (progress.phase === phase && progress.total === 56 && progress.done === 30) abort.abort(new Error('enough'));
      };
      await expect(work({ signal: abort.signal, onProgress })).rejects.toThrow('enough');
      expect((await readdir(home)).sort()).toEqual(before);
    }
  });
});
