// Which files hold the weights of a folder: model.safetensors, or the shards that its index names; where there is neither,
// pytorch_model.bin or its shards, in the order in which transformers looks. An index is data from a stranger: its file
// names must be plain, and what it says must be so.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../errors.js';
import { quoted } from '../quoted.js';
import { readJsonObject } from './json-file.js';
import { openSafetensors } from './safetensors.js';
import { openTorchFile } from './torch/torch-file.js';
import type { WeightFile } from './weight-file.js';

/** How the weight files of a format are called and opened. */
interface Format {
  /** The only file. */
  single: string;
  /** What names the shards where there are several. */
  index: string;
  extension: string;
  open: (path: string) => Promise<WeightFile>;
}

const formats: readonly Format[] = [
  {
    single: 'model.safetensors',
    index: 'model.safetensors.index.json',
    extension: '.safetensors',
    open: openSafetensors,
  },
  {
    single: 'pytorch_model.bin',
    index: 'pytorch_model.bin.index.json',
    extension: '.bin',
    open: openTorchFile,
  },
];

/** Opens all weight files of a folder, by file name in order. On an error none stays open. */
export async function openShards(folder: string): Promise<Map<string, WeightFile>> {
  const present = await readdir(folder);
  const format = formats.find(({ single, index }) => present.includes(single) || present.includes(index));
  if (!format) throw noWeights(folder, present);
  const { single, index } = format;
  if (present.includes(single)) return openAll(folder, [single], format);
  const map = await readIndex(join(folder, index), format);
  const shards = await openAll(folder, [...new Set(map.values())].sort(), format);
  try {
    checkIndex(map, shards, join(folder, index));
    return shards;
  } catch (error) {
    await closeAll(shards);
    throw error;
  }
}

/** Closes every file. */
export async function closeAll(shards: ReadonlyMap<string, WeightFile>): Promise<void> {
  await Promise.all([...shards.values()].map((shard) => shard.close()));
}

async function openAll(folder: string, names: string[], { open }: Format): Promise<Map<string, WeightFile>> {
  const shards = new Map<string, WeightFile>();
  try {
    for (const name of names) shards.set(name, await open(join(folder, name)));
    return shards;
  } catch (error) {
    await closeAll(shards);
    throw error;
  }
}

function noWeights(folder: string, present: string[]): CheckpointError {
  const other = present.find((name) => /^(.*\.gguf|.*\.pth?|tf_model\.h5|.*\.msgpack)$/.test(name));
  const [safetensors, torch] = formats;
  return new CheckpointError({
    expected: other
      ? `weights in ${safetensors.single} or ${torch.single}; save the model again with save_pretrained`
      : `weights in ${safetensors.single} or ${torch.single}, or in shards with ${safetensors.index} or ${torch.index}`,
    got: other ? `only ${quoted(other)}, which this version does not read` : 'none of these files',
    where: folder,
  });
}

/** tensor name → file name */
async function readIndex(path: string, { extension }: Format): Promise<Map<string, string>> {
  const fail = (expected: string, got: string) => new CheckpointError({ expected, got, where: path });
  const file = await readJsonObject(path, CheckpointError);
  const map = file && Object.hasOwn(file.value, 'weight_map') ? file.value.weight_map : undefined;
  if (!file || typeof map !== 'object' || map === null || Array.isArray(map))
    throw fail('an object weight_map: tensor name → file name', quoted(map));
  if (file.duplicate !== undefined) throw fail('each name once', `${quoted(file.duplicate)} twice`);
  for (const [tensor, name] of Object.entries(map))
    if (typeof name !== 'string' || !/^[^/\\:\0]+$/.test(name) || !name.endsWith(extension) || name === extension)
      throw fail(`a plain file name *${extension} for ${quoted(tensor)}`, quoted(name));
  if (Object.keys(map).length === 0) throw fail('at least one tensor in weight_map', 'none');
  return new Map(Object.entries(map));
}

function checkIndex(map: Map<string, string>, shards: Map<string, WeightFile>, path: string): void {
  for (const [tensor, file] of map)
    if (!shards.get(file)?.tensors.has(tensor))
      throw new CheckpointError({ expected: `tensor ${quoted(tensor)} in ${file}`, got: 'none there', where: path });
  const home = new Map<string, string>();
  for (const [file, shard] of shards)
    for (const tensor of shard.tensors.keys()) {
      const got = `one in ${home.get(tensor)} and one in ${file}`;
      if (home.has(tensor))
        throw new CheckpointError({ expected: `tensor ${quoted(tensor)} in one shard`, got, where: path });
      home.set(tensor, file);
    }
}
