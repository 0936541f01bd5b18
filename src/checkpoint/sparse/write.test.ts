// Weights written sparse and read again, through folders: any matrix, any dtype, and what becomes of everything else.

import { writeFileSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  bytes,
  f32,
  folderWith,
  half,
  removeFolder,
  safetensors,
  type TestTensor,
} from '../../../test/checkpoint-fixture.js';
import { torchFile } from '../../../test/torch-fixture.js';
import { CheckpointError, OutputError } from '../../errors.js';
import type { Checkpoint } from '../checkpoint.js';
import { openCheckpoint } from '../open-checkpoint.js';
import { OutputFolder } from '../output.js';
import { type StoredDtype, sizeOf, valueBytes } from '../stored-dtype.js';
import { type WriteOptions, writeWeights } from './write.js';

let home: string;
beforeAll(async () => {
  home = await folderWith();
  await mkdir(join(home, 'model'));
});
afterAll(() => removeFolder(home));
const place = (name: string) => join(home, name);
const open: Checkpoint[] = [];
afterEach(async () => {
  for (const checkpoint of open.splice(0)) await checkpoint.close();
});
async function opened(name: string): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(place(name));
  open.push(checkpoint);
  return checkpoint;
}

async function modelOf(tensors: Record<string, TestTensor>, config = '{"model_type":"llama"}'): Promise<Checkpoint> {
  await writeFile(join(place('model'), 'config.json'), config);
  await writeFile(join(place('model'), 'model.safetensors'), safetensors(tensors));
  return opened('model');
}

/** Writes `source` in another form, replacing what is there. */
async function written(source: Checkpoint, name: string, weights: string[], options: WriteOptions) {
  const output = await OutputFolder.create(source, place(name), { force: true, conversion: true });
  try {
    const result = await writeWeights(source, output, weights, options);
    await output.commit();
    return result;
  } finally {
    await output.discard();
  }
}

const floats = ['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2'] as const;

/** Random patterns, −0 and NaN among them, of about that density. */
const matrix = fc
  .record({
    dtype: fc.constantFrom(...floats),
    shape: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40 })),
    density: fc.constantFrom(0, 0.1, 0.5, 0.9, 1),
    negative: fc.constantFrom(0, 0.5),
    seed: fc.integer({ min: 1, max: 2 ** 31 - 2 }),
  })
  .map(({ dtype, shape, density, negative, seed }) => {
    let state = seed;
    const random = () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    const width = valueBytes[dtype];
    const data = new Uint8Array(width * sizeOf(shape));
    for (let i = 0; i < data.length; i += width) {
      if (random() < density) for (let k = 0; k < width; k++) data[i + k] = Math.floor(256 * random());
      else if (random() < negative) data[i + width - 1] = 0x80;
    }
    return { dtype, shape: [...shape], bytes: data };
  });

/** The same, −0 as +0. */
function positive({ dtype, bytes }: TestTensor): Uint8Array {
  const width = valueBytes[dtype as StoredDtype];
  const copy = bytes.slice();
  for (let i = 0; i < copy.length; i += width)
    if (copy[i + width - 1] === 0x80 && copy.subarray(i, i + width - 1).every((b) => b === 0)) copy[i + width - 1] = 0;
  return copy;
}

/** Bytes of all parts, counted plainly. */
function partBytes({ dtype, shape: [rows, columns], ...tensor }: TestTensor): number {
  const width = valueBytes[dtype as StoredDtype];
  const zero = positive({ dtype, shape: [], ...tensor });
  let values = 0;
  for (let i = 0; i < zero.length; i += width) if (zero.subarray(i, i + width).some((b) => b !== 0)) values++;
  return 16 + width * values + rows * Math.ceil(columns / 8) + 8 * rows;
}

test('any matrix comes back to the bit but for −0, in the smaller form, and so does the dense folder', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(matrix, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 3000 }),
      async (matrices, shardBytes) => {
        const tensors: Record<string, TestTensor> = { norm: f32([3], [1, -0, 2]) };
        for (const [i, tensor] of matrices.entries()) tensors[`l.${i}.weight`] = tensor;
        const names = Object.keys(tensors).slice(1);
        const source = await modelOf(tensors);
        const { forms, bytes: size } = await written(source, 'sparse', names, { format: 'sparse', shardBytes });
        const sparse = await opened('sparse');
        expect(sparse.bytes).toBe(size);
        expect(new Set(sparse.names())).toEqual(new Set(source.names()));
        for (const name of names) {
          const { dtype, shape, sparse: parts } = sparse.info(name);
          const [dense, small] = [tensors[name].bytes.length, partBytes(tensors[name])];
          expect({ dtype, shape }).toEqual({ dtype: tensors[name].dtype, shape: tensors[name].shape });
          const form = { format: small < dense ? 'sparse' : 'dense', dtype, bytes: Math.min(small, dense) };
          expect([forms.get(name), parts?.bytes]).toEqual([form, small < dense ? small : undefined]);
          const back = new Uint8Array(await sparse.read(name));
          expect(back).toEqual(small < dense ? positive(tensors[name]) : tensors[name].bytes);
        }
        expect(new Uint8Array(await sparse.read('norm'))).toEqual(tensors.norm.bytes);

        await written(sparse, 'dense', names, { format: 'dense', shardBytes });
        const dense = await opened('dense');
        expect(dense.format).toBe('safetensors');
        // Nothing of the sparse files is left, whatever they were called.
        const files = (await readdir(place('dense'))).filter((file) => file.endsWith('.safetensors'));
        expect(files.sort()).toEqual([...dense.files].sort());
        for (const name of source.names()) {
          expect(dense.info(name)).toMatchObject({ dtype: tensors[name].dtype, shape: tensors[name].shape });
          expect(dense.info(name).sparse).toBeUndefined();
          expect(new Uint8Array(await dense.read(name))).toEqual(new Uint8Array(await sparse.read(name)));
        }
        for (const checkpoint of open.splice(0)) await checkpoint.close();
      },
    ),
    { numRuns: 60 },
  );
});

test('a weight of many stretches', async () => {
  const [rows, columns] = [1501, 1003];
  const values = Float32Array.from({ length: rows * columns }, (_, i) => (i % 3 === 0 && i % 7 !== 0 ? i : 0));
  const source = await modelOf({
    'x.weight': { dtype: 'F32', shape: [rows, columns], bytes: new Uint8Array(values.buffer) },
  });
  await written(source, 'sparse', ['x.weight'], { format: 'sparse' });
  const back = await (await opened('sparse')).readFloats('x.weight', [rows, columns]);
  expect(back.every((v, i) => v === values[i])).toBe(true);
  await written(source, 'int8', ['x.weight'], { format: 'sparse', values: 'I8' });
  const rough = await (await opened('int8')).readFloats('x.weight', [rows, columns]);
  let worst = 0;
  for (let r = 0; r < rows; r++) {
    const step = Math.max(...values.subarray(r * columns, (r + 1) * columns)) / 127;
    for (let i = r * columns; i < (r + 1) * columns; i++)
      worst = Math.max(worst, Math.abs(rough[i] - values[i]) / step, values[i] === 0 && rough[i] !== 0 ? 9 : 0);
  }
  expect(worst).toBeGreaterThan(0.49);
  expect(worst).toBeLessThan(0.50001);
});

/** 1 × 64 of which few are not zero. */
const row = (dtype: StoredDtype, values: number[]): TestTensor => {
  const all = [...values, ...Array(64 - values.length).fill(0)];
  if (dtype === 'F64') return { dtype, shape: [1, 64], bytes: new Uint8Array(Float64Array.from(all).buffer) };
  return f32([1, 64], all);
};

test('values are rounded once, to nearest even', async () => {
  // 1 + 2^-11 is a tie of f16; as much more as f32 cannot hold makes it none. 2^-30 is nothing to f16.
  const tie = 1 + 2 ** -11;
  const values = [tie, tie + 2 ** -40, -tie - 2 ** -40, 1 + 3 * 2 ** -11, 2 ** -30, 65519, tie - 2 ** -40];
  const source = await modelOf({ 'x.weight': row('F64', values), y: f32([1], [tie]) });
  await written(source, 'sparse', ['x.weight'], { format: 'sparse', values: 'F16' });
  const sparse = await opened('sparse');
  const up = 1 + 2 ** -10;
  expect([...(await sparse.readFloats('x.weight', [1, 64]))].slice(0, 7)).toEqual([
    1,
    up,
    -up,
    1 + 2 ** -9,
    0,
    65504,
    1,
  ]);
  // What became zero is not stored; and nothing but the weights named changes its dtype.
  expect(sparse.info('x.weight').sparse?.shape).toEqual({ rows: 1, columns: 64, nonZeros: 6, dtype: 'F16' });
  expect(sparse.info('y').dtype).toBe('F32');
  await written(source, 'f32', ['x.weight'], { format: 'sparse', values: 'F32' });
  expect((await (await opened('f32')).readFloats('x.weight', [1, 64]))[1]).toBe(tie);
  await written(source, 'dense', ['x.weight'], { format: 'dense', values: 'BF16' });
  const dense = await opened('dense');
  expect(dense.info('x.weight').dtype).toBe('BF16');
  expect((await dense.readFloats('x.weight', [1, 64]))[5]).toBe(65536);
});

test('int8 values that round to 0 keep their place, and zeros have none', async () => {
  const source = await modelOf({ 'x.weight': row('F32', [127, 0.3, -0, 0, -64.5]) });
  const { forms } = await written(source, 'sparse', ['x.weight'], { format: 'sparse', values: 'I8' });
  expect(forms.get('x.weight')).toEqual({ format: 'sparse', dtype: 'I8', bytes: 16 + 3 + 8 + 8 + 4 });
  const sparse = await opened('sparse');
  expect(sparse.info('x.weight').sparse?.shape.nonZeros).toBe(3);
  expect([...(await sparse.readFloats('x.weight', [1, 64]))].slice(0, 5)).toEqual([127, 0, 0, 0, -64]);
  const config = JSON.parse(await readFile(join(place('sparse'), 'config.json'), 'utf8'));
  expect(config.quantization_config.sparsity_config.format).toBe('sparse-bitmask-int8');
});

test('values that cannot be written name their tensor, and leave nothing', async () => {
  const at = `in ${join(place('model'), 'model.safetensors')}, tensor "x.weight"`;
  const source = await modelOf({ 'x.weight': row('F32', [1, 65520]), 'i.weight': bytes('I8', [1, 1], [1]) });
  const before = (await readdir(home)).sort();
  const refused = async (values: WriteOptions['values'], name = 'x.weight') =>
    written(source, 'none', [name], { format: 'sparse', values }).catch((e: unknown) => e);
  const overflow = await refused('F16');
  expect(overflow).toBeInstanceOf(OutputError);
  expect((overflow as Error).message).toBe(`expected finite values that F16 can hold, got 65520 at index 1, ${at}`);
  expect(((await refused(undefined, 'i.weight')) as Error).message).toBe(
    `expected weights stored as F64, F32, F16, BF16, F8_E4M3 or F8_E5M2, got I8, in ${place('model')}, tensor "i.weight"`,
  );
  const nan = await modelOf({ 'x.weight': row('F32', [1, Number.NaN]) });
  for (const values of ['F16', 'I8'] as const) {
    const error = await written(nan, 'none', ['x.weight'], { format: 'sparse', values }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as Error).message).toContain('expected finite weights, got NaN at index 1, in ');
  }
  expect((await readdir(home)).sort()).toEqual(before);
});

test('from pytorch_model.bin, a tied head once', async () => {
  const embedding = f32([2, 1], [1, 2]);
  const tensors = { 'embed.weight': embedding, 'x.weight': row('F32', [1]), 'lm_head.weight': embedding };
  await mkdir(place('torch'));
  await writeFile(join(place('torch'), 'config.json'), '{"model_type":"llama","tie_word_embeddings":true}');
  await writeFile(join(place('torch'), 'pytorch_model.bin'), torchFile(tensors));
  await written(await opened('torch'), 'sparse', ['x.weight'], { format: 'sparse' });
  expect((await readdir(place('sparse'))).sort()).toEqual(['config.json', 'model.safetensors']);
  const sparse = await opened('sparse');
  expect(sparse.names().sort()).toEqual(['embed.weight', 'x.weight']);
  expect(new Uint8Array(await sparse.read('x.weight'))).toEqual(tensors['x.weight'].bytes);
});

test('weights that are gone before they are on the disk make no folder', async () => {
  const source = await modelOf({ 'x.weight': row('F32', [1]) });
  const output = await OutputFolder.create(source, place('gone'), { conversion: true });
  await writeWeights(source, output, ['x.weight'], { format: 'sparse' });
  await rm(join(output.partial, 'model.safetensors'));
  await expect(output.commit()).rejects.toThrow('expected every file of the model folder to be there');
  expect((await readdir(home)).filter((name) => name.includes('gone'))).toEqual([]);
  await output.discard();
});

test('a source that changes while it is read is noticed', async () => {
  const source = await modelOf({ 'x.weight': row('F32', [1, 2]) });
  const { begin } = source.info('x.weight');
  const file = join(place('model'), 'model.safetensors');
  const changed = await readFile(file);
  changed.writeFloatLE(3, begin + 40);
  const onProgress = () => writeFileSync(file, changed);
  await expect(written(source, 'none', ['x.weight'], { format: 'sparse', onProgress })).rejects.toThrow(
    `expected the 2 values that were counted, got 3, in ${place('model')}, tensor "x.weight"`,
  );
});

test('config.json says which layers are sparse, and is restored to the byte', async () => {
  const config = '{ "model_type" : "llama",\r\n\t"name": "Zoë \\u0041",\r\n\t"rope": {"a":[1,2 ]}\r\n}';
  const dense = half('BF16', [2, 2], [1, 1, 1, 1]);
  const source = await modelOf({ 'a.weight': row('F32', [1]), 'b.weight': dense }, config);
  await appendFile(join(place('model'), 'neuroal.json'), '{"schema":1}');
  await written(source, 'sparse', ['a.weight', 'b.weight'], { format: 'sparse' });
  const text = await readFile(join(place('sparse'), 'config.json'), 'utf8');
  expect(text.startsWith(config.slice(0, -3))).toBe(true);
  expect(JSON.parse(text).quantization_config).toEqual({
    quant_method: 'compressed-tensors',
    version: '0.12.2',
    sparsity_config: {
      format: 'sparse-bitmask',
      targets: ['a'],
      ignore: ['b'],
      global_sparsity: 0.926471,
      sparsity_structure: 'unstructured',
    },
  });
  expect((await readdir(place('sparse'))).sort()).toEqual(['config.json', 'model.safetensors', 'neuroal.json']);
  // Both by a conversion and by what pruning makes: a dense copy whose tensors can be overwritten.
  const sparse = await opened('sparse');
  await written(sparse, 'dense', ['a.weight', 'b.weight'], { format: 'dense' });
  const copy = await OutputFolder.create(sparse, place('copy'));
  await copy.writeTensor(
    'a.weight',
    Float32Array.from({ length: 64 }, (_, i) => i),
  );
  await copy.commit();
  for (const name of ['dense', 'copy'])
    expect(await readFile(join(place(name), 'config.json'))).toEqual(
      await readFile(join(place('model'), 'config.json')),
    );
  expect((await readdir(place('copy'))).sort()).toEqual(['config.json', 'model.safetensors']);
  expect((await (await opened('copy')).readFloats('a.weight', [1, 64]))[63]).toBe(63);
  expect(new Uint8Array(await (await opened('dense')).read('b.weight'))).toEqual(dense.bytes);
  // Sparse again, from sparse: one section, not two.
  await written(sparse, 'again', ['a.weight', 'b.weight'], { format: 'sparse' });
  for (const file of ['config.json', 'model.safetensors'])
    expect(await readFile(join(place('again'), file))).toEqual(await readFile(join(place('sparse'), file)));
});

test('a damaged sparse folder gives a CheckpointError or is read, nothing else', async () => {
  const source = await modelOf({
    'x.weight': f32(
      [3, 20],
      Array.from({ length: 60 }, (_, i) => (i % 4 === 0 ? i : 0)),
    ),
  });
  await written(source, 'sparse', ['x.weight'], { format: 'sparse', values: 'I8' });
  const file = join(place('sparse'), 'model.safetensors');
  const good = await readFile(file);
  const begin = 8 + Number(good.readBigUInt64LE());
  const flips = fc.array(fc.tuple(fc.integer({ min: begin, max: good.length - 1 }), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(flips, async (changes) => {
      const bad = Buffer.from(good);
      for (const [at, mask] of changes) bad[at] ^= mask;
      await writeFile(file, bad);
      try {
        const checkpoint = await opened('sparse');
        await checkpoint.readFloats('x.weight', [3, 20]);
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
      }
      for (const checkpoint of open.splice(0)) await checkpoint.close();
    }),
    { numRuns: 300 },
  );
});
