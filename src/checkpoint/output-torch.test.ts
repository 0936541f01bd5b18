// From pytorch_model.bin to a folder of safetensors. What was written is read here by its bytes, without the reader.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { f32, folderWith, half, removeFolder, type TestTensor } from '../../test/checkpoint-fixture.js';
import { stateDict, torchEntries, torchFile, zip } from '../../test/torch-fixture.js';
import { openCheckpoint } from './open-checkpoint.js';
import { OutputFolder, type OutputOptions } from './output.js';

let home: string;
beforeEach(async () => {
  home = await folderWith();
  await mkdir(join(home, 'model'));
});
afterEach(() => removeFolder(home));

const embedding = f32([3, 2], [1, 2, 3, 4, 5, 6]);
const tensors: Record<string, TestTensor> = {
  'model.embed_tokens.weight': embedding,
  'model.mask': { dtype: 'BOOL', shape: [3], bytes: Uint8Array.of(1, 0, 1) },
  'model.q.weight': half('F16', [2, 2], [0x3c00, 0x4000, 0x4200, 0x4400]),
  'model.steps': { dtype: 'I64', shape: [], bytes: Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0) },
  'model.wide': { dtype: 'F64', shape: [1], bytes: new Uint8Array(Float64Array.of(0.1).buffer) },
  'model.small': { dtype: 'F8_E4M3', shape: [2], bytes: Uint8Array.of(0x38, 0xb8) },
  'lm_head.weight': embedding,
};

/** What a safetensors file holds, by the description of the format. */
async function contentsOf(path: string): Promise<Record<string, TestTensor>> {
  const file = await readFile(path);
  const begin = 8 + Number(file.readBigUInt64LE());
  const { __metadata__, ...entries } = JSON.parse(file.toString('utf8', 8, begin));
  expect(__metadata__).toEqual({ format: 'pt' });
  const found: Record<string, TestTensor> = {};
  for (const [name, { dtype, shape, data_offsets }] of Object.entries<{
    dtype: string;
    shape: number[];
    data_offsets: number[];
  }>(entries)) {
    const [from, to] = data_offsets.map((offset) => begin + offset);
    found[name] = { dtype, shape, bytes: Uint8Array.from(file.subarray(from, to)) };
  }
  return found;
}

/** Converts the model folder to `out`, with `values` put into its tensors; the names of the files in it. */
async function converted(
  config: object,
  weights: Record<string, Uint8Array | string>,
  values: Record<string, number[]> = {},
  options: OutputOptions = {},
): Promise<string[]> {
  const files = { 'config.json': JSON.stringify({ model_type: 'llama', ...config }), ...weights };
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(home, 'model', name), bytes);
  const source = await openCheckpoint(join(home, 'model'));
  const output = await OutputFolder.create(source, join(home, 'out'), options);
  for (const [name, numbers] of Object.entries(values)) await output.writeTensor(name, Float32Array.from(numbers));
  await output.commit();
  await source.close();
  return (await readdir(join(home, 'out'))).sort();
}

const without = (name: string) => Object.fromEntries(Object.entries(tensors).filter(([key]) => key !== name));

test('every tensor in its dtype and shape, a tied head once', async () => {
  const weights = { 'pytorch_model.bin': torchFile(tensors), 'training_args.bin': 'x', 'flax_model.msgpack': 'x' };
  const names = await converted({ tie_word_embeddings: true }, weights);
  expect(names).toEqual(['config.json', 'model.safetensors', 'training_args.bin']);
  expect(await contentsOf(join(home, 'out', 'model.safetensors'))).toEqual(without('lm_head.weight'));
});

test.each([{ tie_word_embeddings: false }, {}])('a head that shares numbers but is not tied: %j', async (config) => {
  await converted(config, { 'pytorch_model.bin': torchFile(tensors) });
  expect(await contentsOf(join(home, 'out', 'model.safetensors'))).toEqual(tensors);
});

test('a head with numbers of its own stays, whatever config.json says', async () => {
  const own = { ...tensors, 'lm_head.weight': f32([3, 2], [1, 2, 3, 4, 5, 6]) };
  await converted({ tie_word_embeddings: true }, { 'pytorch_model.bin': torchFile(own) });
  expect(await contentsOf(join(home, 'out', 'model.safetensors'))).toEqual(own);
});

test('layers that share numbers become two, and one can be written alone', async () => {
  const shared = half('F16', [2], [0x3c00, 0x3c00]);
  const two = { 'a.weight': shared, 'b.weight': shared };
  await converted({ tie_word_embeddings: true }, { 'pytorch_model.bin': torchFile(two) }, { 'a.weight': [0, 2] });
  expect(await contentsOf(join(home, 'out', 'model.safetensors'))).toEqual({
    'a.weight': half('F16', [2], [0, 0x4000]),
    'b.weight': shared,
  });
});

test('what is written lands in its tensor, in its dtype, and nowhere else', async () => {
  const values = { 'model.q.weight': [0, 0.5, 1 / 3, -2], 'model.wide': [0.25], 'model.small': [0, 448] };
  await converted({}, { 'pytorch_model.bin': torchFile(tensors) }, values);
  expect(await contentsOf(join(home, 'out', 'model.safetensors'))).toEqual({
    ...tensors,
    'model.q.weight': half('F16', [2, 2], [0, 0x3800, 0x3555, 0xc000]),
    'model.wide': { dtype: 'F64', shape: [1], bytes: new Uint8Array(Float64Array.of(0.25).buffer) },
    'model.small': { dtype: 'F8_E4M3', shape: [2], bytes: Uint8Array.of(0, 0x7e) },
  });
});

test('a tensor left out is written through its twin', async () => {
  const numbers = [0, 2, 0, 4, 0, 6];
  const weights = { 'pytorch_model.bin': torchFile(tensors) };
  await converted({ tie_word_embeddings: true }, weights, { 'lm_head.weight': numbers });
  const found = await contentsOf(join(home, 'out', 'model.safetensors'));
  expect(found['model.embed_tokens.weight']).toEqual(f32([3, 2], numbers));
});

test('a transposed view is written in order', async () => {
  const view = { storage: '0', type: 'FloatStorage', count: 6, offset: 0, shape: [2, 3], strides: [1, 2] };
  const file = zip(torchEntries(stateDict({ 'a.weight': view }), { 0: embedding.bytes }));
  await converted({}, { 'pytorch_model.bin': file }, {});
  expect(await contentsOf(join(home, 'out', 'model.safetensors'))).toEqual({
    'a.weight': f32([2, 3], [1, 3, 5, 2, 4, 6]),
  });
});

test('from shards into shards, with an index that opens', async () => {
  const [one, two] = ['pytorch_model-00001-of-00002.bin', 'pytorch_model-00002-of-00002.bin'];
  const names = Object.keys(tensors);
  const part = (from: number, to: number) => torchFile(Object.fromEntries(Object.entries(tensors).slice(from, to)));
  const map = Object.fromEntries(names.map((name, i) => [name, i < 3 ? one : two]));
  const index = JSON.stringify({ weight_map: map });
  const weights = { [one]: part(0, 3), [two]: part(3, 7), 'pytorch_model.bin.index.json': index };
  // The head lies in another file than the embedding, so they are two; 24 bytes are one of them.
  const values = { 'model.q.weight': [0, 0, 0, 1] };
  const files = await converted({ tie_word_embeddings: true }, weights, values, { shardBytes: 24 });
  const shards = [1, 2, 3, 4].map((n) => `model-0000${n}-of-00004.safetensors`);
  expect(files).toEqual(['config.json', ...shards, 'model.safetensors.index.json']);

  const written = JSON.parse(await readFile(join(home, 'out', 'model.safetensors.index.json'), 'utf8'));
  const expected: Record<string, TestTensor> = { ...tensors, 'model.q.weight': half('F16', [2, 2], [0, 0, 0, 0x3c00]) };
  const found: Record<string, TestTensor> = {};
  for (const shard of shards) {
    const contents = await contentsOf(join(home, 'out', shard));
    const bytes = Object.values(contents).reduce((sum, tensor) => sum + tensor.bytes.length, 0);
    expect(bytes).toBeLessThanOrEqual(24);
    for (const name of Object.keys(contents)) expect(written.weight_map[name]).toBe(shard);
    Object.assign(found, contents);
  }
  expect(found).toEqual(expected);
  expect(written.metadata.total_size).toBe(Object.values(expected).reduce((sum, { bytes }) => sum + bytes.length, 0));

  const again = await openCheckpoint(join(home, 'out'));
  expect([again.format, [...again.names()].sort()]).toEqual(['safetensors', [...names].sort()]);
  expect([...(await again.readFloats('model.q.weight', [2, 2]))]).toEqual([0, 0, 0, 1]);
  await again.close();
});

test('a source that breaks off leaves nothing', async () => {
  const weights = { 'config.json': '{"model_type":"llama"}', 'pytorch_model.bin': torchFile(tensors) };
  for (const [name, bytes] of Object.entries(weights)) await writeFile(join(home, 'model', name), bytes);
  const source = await openCheckpoint(join(home, 'model'));
  await writeFile(join(home, 'model', 'pytorch_model.bin'), '');
  const create = OutputFolder.create(source, join(home, 'out'));
  await expect(create).rejects.toThrow(/^expected data up to byte \d+, got a file that ends at \d+/);
  const aborted = OutputFolder.create(source, join(home, 'out'), { signal: AbortSignal.abort(new Error('enough')) });
  await expect(aborted).rejects.toThrow('enough');
  await source.close();
  expect(await readdir(home)).toEqual(['model']);
});
