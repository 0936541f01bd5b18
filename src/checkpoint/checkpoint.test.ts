import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { f32, folderWith, half, removeFolder, safetensors } from '../../test/checkpoint-fixture.js';
import { CheckpointError } from '../errors.js';
import { openCheckpoint } from './open-checkpoint.js';

const folders: string[] = [];
async function folderOf(files: Record<string, string | Uint8Array>): Promise<string> {
  const folder = await folderWith({ 'config.json': '{"model_type":"llama"}', ...files });
  folders.push(folder);
  return folder;
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await removeFolder(folder);
});

const one = 'model-00001-of-00002.safetensors';
const two = 'model-00002-of-00002.safetensors';
const index = (weight_map: unknown) => ({ 'model.safetensors.index.json': JSON.stringify({ weight_map }) });
const shards = {
  [one]: safetensors({ z: f32([2], [1, 2]), a: half('BF16', [1, 1], [0x3f80]) }),
  [two]: safetensors({ m: f32([], [3]) }),
};

test('one file', async () => {
  const bytes = safetensors({ z: f32([2], [1, 2]) });
  const folder = await folderOf({ 'model.safetensors': bytes });
  const checkpoint = await openCheckpoint(folder);
  expect(checkpoint.files).toEqual(['model.safetensors']);
  expect(checkpoint.bytes).toBe(bytes.length);
  expect(checkpoint.config.text('model_type')).toBe('llama');
  expect([...(await checkpoint.readFloats('z', [2]))]).toEqual([1, 2]);
  await checkpoint.close();
});

test('shards', async () => {
  const folder = await folderOf({ ...shards, ...index({ m: two, a: one, z: one }) });
  const checkpoint = await openCheckpoint(folder);
  expect(checkpoint.files).toEqual([one, two]);
  expect(checkpoint.names()).toEqual(['z', 'a', 'm']);
  expect([checkpoint.has('m'), checkpoint.has('n')]).toEqual([true, false]);
  expect(checkpoint.info('a')).toMatchObject({ dtype: 'BF16', shape: [1, 1], file: one });
  expect([...(await checkpoint.readFloats('a', [1, 1]))]).toEqual([1]);
  expect([...(await checkpoint.readFloats('m', []))]).toEqual([3]);
  await checkpoint.close();
});

test('a tensor that is missing or of another shape', async () => {
  const folder = await folderOf({ 'model.safetensors': safetensors({ z: f32([2], [1, 2]) }) });
  const checkpoint = await openCheckpoint(folder);
  await expect(checkpoint.readFloats('y', [2])).rejects.toThrow(
    `expected tensor "y", got none of that name among 1, in ${folder}`,
  );
  for (const shape of [[1, 2], [3]])
    await expect(checkpoint.readFloats('z', shape)).rejects.toThrow(
      `expected shape [${shape.join(', ')}], which config.json implies, got [2], in ${join(folder, 'model.safetensors')}, tensor "z"`,
    );
  await checkpoint.close();
});

describe('folders that are refused, and how', () => {
  const at = 'FOLDER/model.safetensors.index.json';
  const cases: [string, Record<string, string | Uint8Array>, string][] = [
    [
      'no weights',
      {},
      'expected weights in model.safetensors or pytorch_model.bin, or in shards with model.safetensors.index.json or pytorch_model.bin.index.json, got none of these files, in FOLDER',
    ],
    [
      'weights of TensorFlow',
      { 'tf_model.h5': '' },
      'expected weights in model.safetensors or pytorch_model.bin; save the model again with save_pretrained, got only "tf_model.h5", which this version does not read, in FOLDER',
    ],
    [
      'empty weights of PyTorch',
      { 'pytorch_model.bin': '' },
      'expected a file of torch.save, got an empty file, in FOLDER/pytorch_model.bin',
    ],
    [
      'a shard of PyTorch in an index of safetensors',
      index({ a: 'pytorch_model-00001-of-00001.bin' }),
      `expected a plain file name *.safetensors for "a", got "pytorch_model-00001-of-00001.bin", in ${at}`,
    ],
    [
      'no weight_map',
      { 'model.safetensors.index.json': '{}' },
      `expected an object weight_map: tensor name → file name, got nothing, in ${at}`,
    ],
    ['an empty weight_map', index({}), `expected at least one tensor in weight_map, got none, in ${at}`],
    [
      'a name twice',
      { 'model.safetensors.index.json': `{"weight_map":{"a":"${one}","a":"${two}"}}` },
      `expected each name once, got "a" twice, in ${at}`,
    ],
    [
      'a path upwards',
      index({ a: '../x.safetensors' }),
      `expected a plain file name *.safetensors for "a", got "../x.safetensors", in ${at}`,
    ],
    [
      'a path of Windows',
      index({ a: 'C:x.safetensors' }),
      `expected a plain file name *.safetensors for "a", got "C:x.safetensors", in ${at}`,
    ],
    ['a number', index({ a: 1 }), `expected a plain file name *.safetensors for "a", got 1, in ${at}`],
    [
      'a shard that is missing',
      index({ a: one }),
      `expected a readable safetensors file, got no such file, in FOLDER/${one}`,
    ],
    [
      'a tensor that is elsewhere',
      { ...shards, ...index({ a: one, m: one, z: two }) },
      `expected tensor "m" in ${one}, got none there, in ${at}`,
    ],
    [
      'a tensor in two shards',
      { ...shards, [two]: safetensors({ z: f32([], [3]), m: f32([], [3]) }), ...index({ a: one, m: two }) },
      `expected tensor "z" in one shard, got one in ${one} and one in ${two}, in ${at}`,
    ],
  ];
  test.each(cases)('%s', async (_, files, message) => {
    const folder = await folderOf(files);
    const error = await openCheckpoint(folder).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as Error).message.replace(folder, 'FOLDER')).toBe(message);
  });

  test('no folder, and a file', async () => {
    const folder = await folderOf({});
    const expected = 'expected a Hugging Face model folder with config.json and model.safetensors';
    await expect(openCheckpoint(join(folder, 'no'))).rejects.toThrow(
      `${expected}, got no such folder, in ${join(folder, 'no')}`,
    );
    await expect(openCheckpoint(join(folder, 'config.json'))).rejects.toThrow(
      `${expected}, got a file, in ${join(folder, 'config.json')}`,
    );
  });
});
