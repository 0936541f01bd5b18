// For tests only: files as torch.save writes them, and such as it never would. Pickles are put together instruction by
// instruction and zip files header by header, without any code of the reader.

import { crc32 } from 'node:zlib';
import type { TestTensor } from './checkpoint-fixture.js';

const bytes = (...values: number[]) => Buffer.from(values);

function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

function u64(value: number | bigint): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}

/** Instructions of pickle protocol 2; each value is the bytes that push it. */
export const pickle = {
  of: (...parts: Uint8Array[]) => Buffer.concat([bytes(0x80, 2), ...parts, bytes(0x2e)]),
  none: bytes(0x4e),
  bool: (value: boolean) => bytes(value ? 0x88 : 0x89),
  int(value: number): Buffer {
    if (value >= 0 && value < 2 ** 31) return Buffer.concat([bytes(0x4a), u32(value)]);
    const long = Buffer.alloc(8);
    long.writeBigInt64LE(BigInt(value));
    return Buffer.concat([bytes(0x8a, 8), long]);
  },
  text: (value: string) => Buffer.concat([bytes(0x58), u32(Buffer.byteLength(value)), Buffer.from(value)]),
  /** `collections OrderedDict`, module and name with a space between. */
  global: (name: string) => Buffer.from(`c${name.replace(' ', '\n')}\n`),
  tuple: (...items: Uint8Array[]) => Buffer.concat([bytes(0x28), ...items, bytes(0x74)]),
  list: (...items: Uint8Array[]) => Buffer.concat([bytes(0x5d, 0x28), ...items, bytes(0x65)]),
  dict: (...entries: [Uint8Array, Uint8Array][]) => Buffer.concat([bytes(0x7d, 0x28), ...entries.flat(), bytes(0x75)]),
  call: (name: string, ...args: Uint8Array[]) =>
    Buffer.concat([pickle.global(name), pickle.tuple(...args), bytes(0x52)]),
  persistent: (id: Uint8Array) => Buffer.concat([id, bytes(0x51)]),
  ints: (values: readonly number[]) => pickle.tuple(...values.map(pickle.int)),
};

export interface TestView {
  storage: string;
  /** `FloatStorage` and the like; with a dtype of PyTorch (`float8_e5m2`) the storage is untyped. */
  type: string;
  dtype?: string;
  /** Elements that the storage is said to have. */
  count: number;
  offset: number;
  shape: number[];
  strides: number[];
}

/** What pushes a tensor, as torch.save of 2.x writes it. */
export function view({ storage, type, dtype, count, offset, shape, strides }: TestView, legacy = false): Buffer {
  const id = [
    pickle.text('storage'),
    pickle.global(dtype === undefined ? `torch ${type}` : 'torch.storage UntypedStorage'),
    pickle.text(storage),
    pickle.text('cpu'),
    pickle.int(count),
    ...(legacy ? [pickle.none] : []),
  ];
  return pickle.call(
    `torch._utils _rebuild_tensor_${dtype === undefined ? 'v2' : 'v3'}`,
    pickle.persistent(pickle.tuple(...id)),
    pickle.int(offset),
    pickle.ints(shape),
    pickle.ints(strides),
    pickle.bool(false),
    pickle.call('collections OrderedDict'),
    ...(dtype === undefined ? [] : [pickle.global(`torch ${dtype}`)]),
  );
}

const types: Record<string, { type: string; width: number; dtype?: string }> = {
  F64: { type: 'DoubleStorage', width: 8 },
  F32: { type: 'FloatStorage', width: 4 },
  F16: { type: 'HalfStorage', width: 2 },
  BF16: { type: 'BFloat16Storage', width: 2 },
  I64: { type: 'LongStorage', width: 8 },
  BOOL: { type: 'BoolStorage', width: 1 },
  F8_E4M3: { type: '', width: 1, dtype: 'float8_e4m3fn' },
  F8_E5M2: { type: '', width: 1, dtype: 'float8_e5m2' },
};

/** A contiguous view of a storage that holds the tensor alone. */
export function viewOf({ dtype, shape, bytes }: TestTensor, storage: string): TestView {
  const { width, ...type } = types[dtype];
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  return { ...type, storage, count: bytes.length / width, offset: 0, shape, strides };
}

/** A state_dict: an OrderedDict with its `_metadata`, as modules make it. */
export function stateDict(views: Record<string, TestView>, legacy = false): Buffer {
  const entries = Object.entries(views).flatMap(([name, v]) => [pickle.text(name), view(v, legacy)]);
  const metadata = pickle.dict([pickle.text('_metadata'), pickle.call('collections OrderedDict')]);
  const dict = pickle.call('collections OrderedDict');
  return pickle.of(dict, bytes(0x28), ...entries, bytes(0x75), metadata, bytes(0x62));
}

export interface ZipEntry {
  name: string;
  data: Uint8Array;
  /** 0 where it is stored as it is. */
  method?: number;
  flags?: number;
  /** Where the directory says that it begins, and how long it is: lies, for tests. */
  offset?: number;
  size?: number;
}

/** A zip file of these entries. */
export function zip(entries: ZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, data, method = 0, flags = 0, offset = at, size = data.length } of entries) {
    const fixed = Buffer.alloc(26);
    fixed.writeUInt16LE(flags, 2);
    fixed.writeUInt16LE(method, 4);
    fixed.writeUInt32LE(crc32(data), 10);
    fixed.writeUInt32LE(size, 14);
    fixed.writeUInt32LE(size, 18);
    fixed.writeUInt16LE(Buffer.byteLength(name), 22);
    // The local header has a field that the directory has not, as torch.save has it for alignment.
    const padding = Buffer.concat([bytes(0x46, 0x42, 3, 0), Buffer.from('ZZZ')]);
    const local = Buffer.from(fixed);
    local.writeUInt16LE(padding.length, 24);
    parts.push(Buffer.concat([Buffer.from('PK\x03\x04'), local, Buffer.from(name), padding, data]));
    const behind = Buffer.alloc(10);
    directory.push(
      Buffer.concat([Buffer.from('PK\x01\x02'), bytes(0, 0), fixed, behind, u32(offset), Buffer.from(name)]),
    );
    at += parts[parts.length - 1].length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, ...directory, Buffer.from('PK\x05\x06'), end]);
}

/** The entries of a file of torch.save: a pickle and storages by their keys. */
export function torchEntries(data: Uint8Array, storages: Record<string, Uint8Array>): ZipEntry[] {
  return [
    { name: 'archive/data.pkl', data },
    { name: 'archive/byteorder', data: Buffer.from('little') },
    ...Object.entries(storages).map(([key, stored]) => ({ name: `archive/data/${key}`, data: stored })),
    { name: 'archive/version', data: Buffer.from('3\n') },
  ];
}

/** A file of torch.save in which every tensor has a storage of its own, but those that are the same object share it. */
export function torchFile(tensors: Record<string, TestTensor>): Buffer {
  const keys = new Map([...new Set(Object.values(tensors))].map((tensor, i) => [tensor, `${i}`]));
  const views = Object.entries(tensors).map(([name, tensor]) => [name, viewOf(tensor, keys.get(tensor) as string)]);
  const storages = Object.fromEntries([...keys].map(([tensor, key]) => [key, tensor.bytes]));
  return zip(torchEntries(stateDict(Object.fromEntries(views)), storages));
}

/** The older format: pickles, then each storage behind its count. `keys` says the order of the storages. */
export function legacyFile(
  views: Record<string, TestView>,
  storages: Record<string, Uint8Array>,
  endian = true,
): Buffer {
  const magic = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');
  const system = pickle.dict([pickle.text('little_endian'), pickle.bool(endian)]);
  const counts = Object.fromEntries(Object.values(views).map((v) => [v.storage, v.count]));
  return Buffer.concat([
    pickle.of(magic),
    pickle.of(pickle.int(1001)),
    pickle.of(system),
    stateDict(views, true),
    pickle.of(pickle.list(...Object.keys(storages).map(pickle.text))),
    ...Object.entries(storages).flatMap(([key, stored]) => [u64(counts[key] ?? 0), Buffer.from(stored)]),
  ]);
}
