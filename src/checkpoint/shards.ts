// Which files hold the weights of a folder: one model.safetensors, or the shards that the index names.
// The index is data from a stranger: its file names must be plain, and what it says must be so.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../errors.js';
import { quoted } from '../quoted.js';
import { readJsonObject } from './json-file.js';
import { openSafetensors, type SafetensorsFile } from './safetensors.js';

const single = 'model.safetensors';
const index = 'model.safetensors.index.json';

/** Opens all weight files of a folder, by file name in order. On an error none stays open. */
export async function openShards(folder: string): Promise<Map<string, SafetensorsFile>> {
  const present = await readdir(folder);
  if (present.includes(single)) return openAll(folder, [single]);
  if (!present.includes(index)) throw noWeights(folder, present);
  const map = await readIndex(join(folder, index));
  const shards = await openAll(folder, [...new Set(map.values())].sort());
  try {
    checkIndex(map, shards, join(folder, index));
    return shards;
  } catch (error) {
    await closeAll(shards);
    throw error;
  }
}

/** Closes every file. */
export async function closeAll(shards: ReadonlyMap<string, SafetensorsFile>): Promise<void> {
  await Promise.all([...shards.values()].map((shard) => shard.close()));
}

async function openAll(folder: string, names: string[]): Promise<Map<string, SafetensorsFile>> {
  const shards = new Map<string, SafetensorsFile>();
  try {
    for (const name of names) shards.set(name, await openSafetensors(join(folder, name)));
    return shards;
  } catch (error) {
    await closeAll(shards);
    throw error;
  }
}

function noWeights(folder: string, present: string[]): CheckpointError {
  const other = present.find((name) =>
    /^(pytorch_model.*\.bin|.*\.gguf|.*\.pth?|tf_model\.h5|.*\.msgpack)$/.test(name),
  );
  return new CheckpointError({
    expected: other
      ? `weights as safetensors; save the model again with safe_serialization=True`
      : `weights in ${single}, or in shards with ${index}`,
    got: other ? `only ${quoted(other)}, which this version does not read` : 'neither file',
    where: folder,
  });
}

/** tensor name → file name */
async function readIndex(path: string): Promise<Map<string, string>> {
  const fail = (expected: string, got: string) => new CheckpointError({ expected, got, where: path });
  const file = await readJsonObject(path, CheckpointError);
  const map = file && Object.hasOwn(file.value, 'weight_map') ? file.value.weight_map : undefined;
  if (!file || typeof map !== 'object' || map === null || Array.isArray(map))
    throw fail('an object weight_map: tensor name → file name', quoted(map));
  if (file.duplicate !== undefined) throw fail('each name once', `${quoted(file.duplicate)} twice`);
  for (const [tensor, name] of Object.entries(map))
    if (typeof name !== 'string' || !/^[^/\\:\0]+\.safetensors$/.test(name))
      throw fail(`a plain file name *.safetensors for ${quoted(tensor)}`, quoted(name));
  if (Object.keys(map).length === 0) throw fail('at least one tensor in weight_map', 'none');
  return new Map(Object.entries(map));
}

function checkIndex(map: Map<string, string>, shards: Map<string, SafetensorsFile>, path: string): void {
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
