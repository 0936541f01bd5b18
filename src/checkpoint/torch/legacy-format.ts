// What torch.save wrote before PyTorch 1.6: pickles of a magic number, a version, the writer's system, the state_dict and
// the keys of its storages, then the storages in the order of the keys, each behind the count of its elements.

import { CheckpointError } from '../../errors.js';
import { quoted } from '../../quoted.js';
import { type ByteFile, readRange } from '../byte-file.js';
import { valueBytes } from '../stored-dtype.js';
import type { TensorEntry } from '../weight-file.js';
import { maxPickleBytes, PickleCut, unpickle } from './pickle.js';
import { kindOf, PickleDict, PickleList, type PickleValue } from './pickle-values.js';
import { type Stretch, stateDict } from './state-dict.js';
import { storageDtypes, TorchWorld } from './torch-world.js';

const magicNumber = 0x1950a86a20f9469cfc6cn;
const protocolVersion = 1001;

/** Read at first; a file whose pickles take more is read again, up to the limit of a pickle. */
const firstBytes = 256 * 1024;

interface Pickles {
  state: PickleValue;
  world: TorchWorld;
  keys: PickleValue;
  end: number;
}

export async function readLegacyFormat(
  file: ByteFile,
  fileBytes: number,
  path: string,
): Promise<Map<string, TensorEntry>> {
  const { state, world, keys, end } = await readPickles(file, fileBytes, path);
  const places = await storagePlaces(file, fileBytes, path, world, keys, end);
  return stateDict(state, (key) => places.get(key), path, fileBytes);
}

async function readPickles(file: ByteFile, fileBytes: number, path: string): Promise<Pickles> {
  for (let length = firstBytes; ; length *= 8) {
    const end = Math.min(length, fileBytes, maxPickleBytes);
    try {
      return parsePickles(new Uint8Array(await readRange(file, 0, end, path)), path);
    } catch (error) {
      if (!(error instanceof PickleCut)) throw error;
      const got = `one that is cut off after ${end} bytes`;
      if (end < length) throw new CheckpointError({ expected: 'a pickle with an end', got, where: path });
    }
  }
}

function parsePickles(bytes: Uint8Array, path: string): Pickles {
  const fail = (expected: string, got: string) => new CheckpointError({ expected, got, where: path });
  const world = new TorchWorld(path);
  let end = 0;
  const next = () => {
    const { value, end: behind } = unpickle(bytes, end, world, path);
    end = behind;
    return value;
  };
  if (next() !== magicNumber) throw fail('the magic number of torch.save', 'a pickle of something else');
  const version = next();
  if (version !== protocolVersion) throw fail(`version ${protocolVersion} of the older format`, kindOf(version));
  const system = next();
  if (!(system instanceof PickleDict) || system.entries.get('little_endian') !== true)
    throw fail('weights in byte order "little"', 'another');
  const state = next();
  return { state, world, keys: next(), end };
}

/** Where each storage lies, which only their counts, one after the other, tell. */
async function storagePlaces(
  file: ByteFile,
  fileBytes: number,
  path: string,
  { storages }: TorchWorld,
  keys: PickleValue,
  begin: number,
): Promise<Map<string, Stretch>> {
  const fail = (expected: string, got: string) => new CheckpointError({ expected, got, where: path });
  if (!(keys instanceof PickleList)) throw fail('a list of storages', kindOf(keys));
  const places = new Map<string, Stretch>();
  let at = begin;
  for (const key of keys.items) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (!storage || places.has(storage.key)) throw fail('each storage of the state_dict once', kindOf(key));
    if (at + 8 > fileBytes) throw fail(`data up to byte ${at + 8}`, `a file that ends at ${fileBytes}`);
    const count = Number(new DataView(await readRange(file, at, at + 8, path)).getBigUint64(0, true));
    const dtype = storageDtypes.get(storage.type);
    const data = at + 8;
    at = data + count * (dtype ? valueBytes[dtype] : 1);
    if (count !== storage.count) throw fail(`${storage.count} values in storage ${quoted(key)}`, `${count}`);
    if (at > fileBytes) throw fail(`data up to byte ${at}`, `a file that ends at ${fileBytes}`);
    places.set(storage.key, { begin: data, end: at });
  }
  return places;
}
