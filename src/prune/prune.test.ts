// Pruning from folder to folder: what is written, byte by byte, and that neither the number of threads nor the way a
// checkpoint is cut into files can be seen in it.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderWith, rawFile, removeFolder } from '../../test/checkpoint-fixture.js';
import { plainAlignment } from '../../test/golden/plain-llama.js';
import { tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../test/golden/tiny-llama.js';
import { embeddedFolder } from '../checkpoint/embedded.js';
import { DataError, UsageError } from '../errors.js';
import type { Progress } from '../progress.js';
import type { PruneOptions } from './options.js';
import { prune } from './prune.js';
import type { RunRecord } from './record.js';

interface RawTensor {
  dtype: string;
  shape: number[];
  bytes: Buffer;
}

/** A safetensors file taken apart, without the reader of src/. */
async function rawTensors(path: string): Promise<{ header: string; tensors: Map<string, RawTensor> }> {
  const file = await readFile(path);
  const begin = 8 + Number(file.readBigUInt64LE(0));
  const header = file.toString('utf8', 8, begin);
  const entries: [string, RawTensor][] = Object.entries(JSON.parse(header))
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => {
      const {
        dtype,
        shape,
        data_offsets: [from, to],
      } = entry as RawTensor & { data_offsets: number[] };
      return [name, { dtype, shape, bytes: file.subarray(begin + from, begin + to) }];
    });
  return { header, tensors: new Map(entries) };
}

/** Elements as bit patterns, without the sign of zero. */
function patterns({ dtype, bytes }: RawTensor): number[] {
  const copy = new Uint8Array(bytes).buffer;
  return dtype === 'F32'
    ? Array.from(new Uint32Array(copy), (v) => (v === 0x80000000 ? 0 : v))
    : Array.from(new Uint16Array(copy), (v) => (v === 0x8000 ? 0 : v));
}

const isPruned = (name: string) => /\.layers\.\d+\.(self_attn|mlp)\.\w+_proj\.weight$/.test(name);

/** Holds a pruned weight file against its source and returns the zeros of each pruned layer. */
async function compareFiles(source: string, pruned: string): Promise<Map<string, number>> {
  const [before, after] = [await rawTensors(source), await rawTensors(pruned)];
  expect(after.header).toBe(before.header);
  const zeros = new Map<string, number>();
  for (const [name, tensor] of before.tensors) {
    const got = after.tensors.get(name)!;
    if (!isPruned(name)) {
      expect(`${name} ${got.bytes.equals(tensor.bytes)}`).toBe(`${name} true`);
      continue;
    }
    const [old, now] = [patterns(tensor), patterns(got)];
    expect(`${name}: ${now.filter((v, i) => v !== 0 && v !== old[i]).length} changed`).toBe(`${name}: 0 changed`);
    zeros.set(name.replace(/\.weight$/, ''), now.filter((v) => v === 0).length);
  }
  return zeros;
}

const zerosOf = (record: RunRecord) => new Map(record.layers.map(({ name, zeros }) => [name, zeros]));

let home: string;
const place = (name: string) => join(home, name);
beforeAll(async () => {
  const windows = JSON.stringify(tinyWindows(4, 48, 3, 512));
  home = await folderWith({ 'windows.json': windows, 'tiny.json': JSON.stringify(tinyWindows(4, 12)) });
});
afterAll(() => removeFolder(home));

describe('the embedded model', () => {
  const options = (name: string, more: Partial<PruneOptions> = {}): PruneOptions => ({
    out: place(name),
    calibration: place('windows.json'),
    searchSamples: 2,
    deterministic: true,
    threads: 1,
    ...more,
  });
  let first: RunRecord;
  beforeAll(async () => {
    first = await prune(options('first'));
  });

  it.each([2, 4])('comes out byte for byte the same with %i threads', async (threads) => {
    const record = await prune(options(`threads-${threads}`, { threads }));
    const bytes = (name: string) => readFile(join(place(name), 'model.safetensors'));
    expect((await bytes(`threads-${threads}`)).equals(await bytes('first'))).toBe(true);
    const stable = ({ created: _, seconds: __, peakRssBytes: ___, engine: ____, ...rest }: RunRecord) => rest;
    expect(stable(record)).toEqual(stable(first));
    expect(record.engine).toMatchObject({ backend: 'wasm', simd: 'plain', threads });
  });

  it('keeps header, unpruned tensors, and the bits of every kept weight', async () => {
    const zeros = await compareFiles(
      join(embeddedFolder, 'model.safetensors'),
      join(place('first'), 'model.safetensors'),
    );
    expect(zeros.size).toBe(8 * 7);
    expect(zeros).toEqual(zerosOf(first));
  });

  it('comes with all its other files as they were, and the record', async () => {
    const files = (await readdir(embeddedFolder)).sort();
    expect((await readdir(place('first'))).sort()).toEqual([...files, 'neuroal.json'].sort());
    for (const file of files.filter((f) => f !== 'model.safetensors'))
      expect((await readFile(join(place('first'), file))).equals(await readFile(join(embeddedFolder, file)))).toBe(
        true,
      );
    expect(JSON.parse(await readFile(join(place('first'), 'neuroal.json'), 'utf8'))).toEqual(first);
  });

  it('has a record that adds up', () => {
    const { sparsity, layers, calibration, model } = first;
    expect(sparsity.weights).toBe(8 * (4 * 128 * 128 + 3 * 128 * 352));
    expect(sparsity.zeros).toBe(layers.reduce((sum, l) => sum + l.zeros, 0));
    expect(sparsity.achieved).toBe(sparsity.zeros / sparsity.weights);
    expect(sparsity.achieved).toBeGreaterThan(0.69);
    expect(sparsity.achieved).toBeLessThan(0.72);
    expect(calibration).toMatchObject({ windows: 4, searchWindows: 2, seqLen: 48, seed: 0 });
    expect(model).toEqual({
      source: embeddedFolder,
      family: 'llama',
      parameters: 512 * 128 + 128 + 8 * 256 + sparsity.weights,
    });
    for (const l of layers) expect(Math.abs(l.zeros / (l.rows * l.cols) - l.target)).toBeLessThan(0.02);
  });

  it('split over two files gives the same tensors in the same two files', async () => {
    const folder = place('sharded');
    await mkdir(folder);
    for (const file of await readdir(embeddedFolder))
      if (file !== 'model.safetensors') await writeFile(join(folder, file), await readFile(join(embeddedFolder, file)));
    const { tensors } = await rawTensors(join(embeddedFolder, 'model.safetensors'));
    const names = [...tensors.keys()];
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    // Every third tensor goes to the second file: blocks are torn apart.
    const shardOf = (name: string) => shards[names.indexOf(name) % 3 === 2 ? 1 : 0];
    for (const shard of shards) {
      const own = names.filter((name) => shardOf(name) === shard);
      let at = 0;
      const header: Record<string, unknown> = { __metadata__: { format: 'pt', shard } };
      for (const name of own) {
        const { dtype, shape, bytes } = tensors.get(name)!;
        header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
        at += bytes.length;
      }
      await writeFile(
        join(folder, shard),
        rawFile(JSON.stringify(header), Buffer.concat(own.map((n) => tensors.get(n)!.bytes))),
      );
    }
    const index = JSON.stringify({
      metadata: { total_size: 1 },
      weight_map: Object.fromEntries(names.map((n) => [n, shardOf(n)])),
    });
    await writeFile(join(folder, 'model.safetensors.index.json'), index);

    const uniform: Partial<PruneOptions> = { topUp: 'uniform', sparsity: 0.6 };
    const one = await prune(options('whole-out', uniform));
    const record = await prune(options('sharded-out', { ...uniform, model: folder }));
    const same = { created: 0, seconds: 0, peakRssBytes: 0, model: 0 };
    expect({ ...record, ...same }).toEqual({ ...one, ...same });
    const whole = await rawTensors(join(place('whole-out'), 'model.safetensors'));
    const zeros = new Map<string, number>();
    for (const shard of shards) {
      for (const [name, count] of await compareFiles(join(folder, shard), join(place('sharded-out'), shard)))
        zeros.set(name, count);
      for (const [name, { bytes }] of (await rawTensors(join(place('sharded-out'), shard))).tensors)
        expect(bytes.equals(whole.tensors.get(name)!.bytes)).toBe(true);
    }
    expect(zeros).toEqual(zerosOf(one));
    expect(await readFile(join(place('sharded-out'), 'model.safetensors.index.json'), 'utf8')).toBe(index);
    expect((await readdir(place('sharded-out'))).sort()).toEqual([...(await readdir(folder)), 'neuroal.json'].sort());
  });

  it('reports its phases in order', async () => {
    const seen: Progress[] = [];
    await prune(options('progress', { topUp: 'uniform', method: 'magnitude', onProgress: (p) => seen.push(p) }));
    expect(seen.filter(({ phase }) => phase === 'prune').map(({ done, total }) => [done, total])).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((done) => [done, 8]),
    );
    expect(seen.at(-1)?.phase).toBe('save');
  });

  it('stopped on the way leaves nothing behind', async () => {
    const stop = new AbortController();
    const work = prune(
      options('aborted', {
        signal: stop.signal,
        onProgress: ({ phase }) => phase === 'prune' && stop.abort(new Error('enough')),
      }),
    );
    await expect(work).rejects.toThrow('enough');
    expect((await readdir(home)).filter((name) => name.includes('aborted'))).toEqual([]);
  });
});

describe('other dtypes', () => {
  it.each(['F32', 'BF16'] as const)('%s', async (dtype) => {
    const tensors = tinyTensors(tinyConfig, 5, true);
    // Weights that are zero already count as zeros; a row that is all zero is no trouble.
    tensors['model.layers.1.mlp.up_proj.weight'].values.fill(0, 0, 40);
    const model = await tinyFolder(tinyConfig, tensors, dtype, { format: 'pt', note: 'of the source' });
    const name = `dtype-${dtype}`;
    const record = await prune({
      model,
      out: place(name),
      calibration: place('tiny.json'),
      sparsity: 0.55,
      threads: 1,
    });
    const zeros = await compareFiles(join(model, 'model.safetensors'), join(place(name), 'model.safetensors'));
    expect(zeros).toEqual(zerosOf(record));
    expect(zeros.get('model.layers.1.mlp.up_proj')).toBeGreaterThan(40);
    await removeFolder(model);
  });

  it('the same weights lose the same entries in either', async () => {
    const zeros = async (dtype: string) => {
      const { tensors } = await rawTensors(join(place(`dtype-${dtype}`), 'model.safetensors'));
      return [...tensors].filter(([name]) => isPruned(name)).map(([, t]) => patterns(t).map((v) => v === 0));
    };
    expect(await zeros('F32')).toEqual(await zeros('BF16'));
  });
});

describe('Wanda', () => {
  it('scores each block on the inputs that the pruned blocks before it give, as plain loops do', async () => {
    const tensors = tinyTensors(tinyConfig, 9);
    const windows = tinyWindows(4, 12);
    const model = await tinyFolder(tinyConfig, tensors);
    await prune({
      model,
      out: place('plain'),
      calibration: place('tiny.json'),
      topUp: 'uniform',
      sparsity: 0.55,
      threads: 1,
    });
    const { masked } = plainAlignment(tensors, tinyConfig, windows, {
      sparsity: () => 0.55,
      removed: (columns, s) => Math.floor(columns * s),
    });
    const got = (await rawTensors(join(place('plain'), 'model.safetensors'))).tensors;
    masked.forEach((block, b) => {
      for (const [name, rows] of block)
        expect(patterns(got.get(`model.layers.${b}.${name}.weight`)!).map((v) => v !== 0)).toEqual(
          rows.flat().map((v) => v !== 0),
        );
    });
    await removeFolder(model);
  });
});

describe('prune refuses', () => {
  const refused = async (more: Partial<PruneOptions>) => {
    const error = await prune({ out: place('refused'), calibration: place('windows.json'), threads: 1, ...more }).catch(
      (e: unknown) => e,
    );
    expect((await readdir(home)).filter((name) => name.includes('refused'))).toEqual([]);
    return error as Error;
  };
  it.each<[Partial<PruneOptions>, string]>([
    [{ out: '' }, 'expected a folder to write (out), got none'],
    [{ sparsity: 2 }, 'expected a sparsity in [0, 1), got 2'],
    [
      { topUp: 'uniform', pattern: '1:5' },
      'expected a pattern whose m divides the inputs of every layer, got 1:5: self_attn.q_proj has 128',
    ],
    [
      { topUp: 'uniform', pattern: '32:64' },
      'expected a pattern whose m divides the inputs of every layer, got 32:64: mlp.down_proj has 352',
    ],
    [{ seqLen: 513 }, "expected a seq-len from 2 to 512 (the model's context), got 513"],
    [{ seqLen: 1 }, "expected a seq-len from 2 to 512 (the model's context), got 1"],
    [{ searchSamples: 0 }, 'expected search-samples of 1 or more, got 0'],
    [{ searchSamples: 1.5 }, 'expected search-samples of 1 or more, got 1.5'],
  ])('%o', async (options, message) => {
    const error = await refused(options);
    expect(error.message).toBe(message);
    expect(error).toBeInstanceOf(UsageError);
  });

  it('ids outside the vocabulary', async () => {
    await writeFile(place('wild.json'), '[[1,2,512]]');
    const error = await refused({ calibration: place('wild.json') });
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(
      "expected token ids from 0 to 511 (the model's vocabulary), got 512, in wild.json, window 0",
    );
  });
});
