// Which files hold the weights of a folder: model.safetensors, or the shards that its index names; where there is neither,
// pytorch_model.bin or its shards, in the order in which transformers looks. An index is data from a stranger: its file
// names must be plain, and what it says must be so.

import { CheckpointError } from '../errors.js';
import { quoted } from '../quoted.js';
import type { ByteFile } from './byte-file.js';
import type { Folder } from './folder.js';
import { readJsonIn } from './json-file.js';
import { readSafetensors } from './safetensors.js';
import type { WeightFile } from './weight-file.js';

/** How the weight files of a format are called and opened. */
export interface Format {
  /** For messages: `safetensors file`. */
  kind: string;
  /** The only file. */
  single: string;
  /** What names the shards where there are several. */
  index: string;
  extension: string;
  read: (file: ByteFile, signal?: AbortSignal) => Promise<WeightFile>;
}

export const safetensors: Format = {
  kind: 'safetensors file',
  single: 'model.safetensors',
  index: 'model.safetensors.index.json',
  extension: '.safetensors',
  read: readSafetensors,
};

/** So many files of a server may be open at a time; where there are more, each is opened again when its turn comes. */
const mostOpen = 4;

/** Opens all weight files of a folder, by file name in order. On an error none stays open. */
export async function openShards(
  folder: Folder,
  formats: readonly Format[],
  signal?: AbortSignal,
): Promise<Map<string, WeightFile>> {
  for (const format of formats) {
    const { single, index } = format;
    if (await folder.has(single, signal)) return openAll(folder, [single], format, signal);
    if (!(await folder.has(index, signal))) continue;
    const map = await readIndex(folder, format, signal);
    const shards = await openAll(folder, [...new Set(map.values())].sort(), format, signal);
    try {
      checkIndex(map, shards, folder.pathOf(index));
      return shards;
    } catch (error) {
      await closeAll(shards);
      throw error;
    }
  }
  throw noWeights(folder.name, await folder.list(), formats);
}

/** Closes every file. */
export async function closeAll(shards: ReadonlyMap<string, WeightFile>): Promise<void> {
  await Promise.all([...shards.values()].map((shard) => shard.close()));
}

async function openAll(
  folder: Folder,
  names: string[],
  { kind, read }: Format,
  signal?: AbortSignal,
): Promise<Map<string, WeightFile>> {
  const shards = new Map<string, WeightFile>();
  try {
    for (const name of names) {
      const file = await folder.open(name, kind, signal);
      try {
        shards.set(name, await read(file, signal));
        if (names.length > mostOpen) await file.pause?.();
      } catch (error) {
        await file.close();
        throw error;
      }
    }
    return shards;
  } catch (error) {
    await closeAll(shards);
    throw error;
  }
}

function noWeights(folder: string, present: string[], formats: readonly Format[]): CheckpointError {
  const read = formats.map(({ single }) => single);
  const other = present.find(
    (name) =>
      !read.includes(name) &&
      /^(pytorch_model\.bin(\.index\.json)?|.*\.gguf|.*\.pth?|tf_model\.h5|.*\.msgpack)$/.test(name),
  );
  const singles = read.join(' or ');
  const indexes = formats.map(({ index }) => index).join(' or ');
  const torch = other?.startsWith('pytorch_model');
  const again = torch ? '"neuroal convert" writes the model again' : 'save the model again with save_pretrained';
  return new CheckpointError({
    expected: other ? `weights in ${singles}; ${again}` : `weights in ${singles}, or in shards with ${indexes}`,
    got: other
      ? `only ${quoted(other)}, which ${torch ? 'is not read here' : 'this version does not read'}`
      : 'none of these files',
    where: folder,
  });
}

/** tensor name → file name */
async function readIndex(
  folder: Folder,
  { index, extension }: Format,
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const path = folder.pathOf(index);
  const fail = (expected: string, got: string) => new CheckpointError({ expected, got, where: path });
  const file = await readJsonIn(folder, index, CheckpointError, signal);
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
