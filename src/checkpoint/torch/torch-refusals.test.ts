// Files of torch.save that are refused, and how: pickles that do more than build tensors, views beyond their storages,
// damaged and hostile files.

import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { f32, folderWith, half, removeFolder } from '../../../test/checkpoint-fixture.js';
import {
  legacyFile,
  pickle,
  stateDict,
  type TestView,
  torchEntries,
  torchFile,
  viewOf,
  type ZipEntry,
  zip,
} from '../../../test/torch-fixture.js';
import { CheckpointError } from '../../errors.js';
import { openTorchFile } from './torch-file.js';

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await folderWith();
  path = join(folder, 'pytorch_model.bin');
});
afterAll(() => removeFolder(folder));

async function opened(bytes: Uint8Array) {
  await writeFile(path, bytes);
  return openTorchFile(path);
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(CheckpointError);
  return (error as Error).message.replace(path, 'PATH');
}

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const six = floats(0, 1, 2, 3, 4, 5);
const x = (over: Partial<TestView>): TestView => ({
  storage: '0',
  type: 'FloatStorage',
  count: 6,
  offset: 0,
  shape: [2, 3],
  strides: [3, 1],
  ...over,
});
const xFile = (over: Partial<TestView>, stored = six) => zip(torchEntries(stateDict({ x: x(over) }), { 0: stored }));

const only = 'expected a pickle that only builds tensors';
const zipOf = (data: Uint8Array, storages: Record<string, Uint8Array> = {}) => zip(torchEntries(data, storages));
const code = (...values: number[]) => Buffer.from(values);

describe('pickles that are refused, and how', () => {
  const deep = Buffer.concat([code(0x80, 2, 0x29), Buffer.alloc(900_000, 0x85), code(0x2e)]);
  const refused: [string, Uint8Array, string][] = [
    ['os.system', pickle.of(pickle.call('os system', pickle.text('true'))), `${only}, got os.system`],
    ['a name that is only named', pickle.of(pickle.global('builtins eval')), `${only}, got builtins.eval`],
    [
      'a name from the stack',
      Buffer.concat([
        code(0x80, 4, 0x8c, 5),
        Buffer.from('posix'),
        code(0x8c, 6),
        Buffer.from('system'),
        code(0x93, 0x2e),
      ]),
      `${only}, got posix.system`,
    ],
    ['a name with line ends', pickle.of(pickle.global('os \u001b[2J')), `${only}, got os.??2J`],
    [
      'a class called as a function',
      pickle.of(pickle.call('torch FloatStorage')),
      `${only}, got a call of torch.FloatStorage`,
    ],
    [
      'attributes of a tensor',
      pickle.of(pickle.tuple(), pickle.dict(), code(0x62)),
      `${only}, got attributes of a tuple`,
    ],
    [
      'an instruction of objects',
      pickle.of(pickle.tuple(), pickle.tuple(), code(0x81)),
      `${only}, got instruction 0x81`,
    ],
    ['protocol 0', Buffer.from('(dp0\n.'), `${only}, got instruction 0x64`],
    ['protocol 6', code(0x80, 6, 0x2e), 'expected a pickle of protocol 2 to 5, got protocol 6'],
    ['no end', code(0x80, 2, 0x4e), 'expected a pickle with an end, got one that is cut off after 3 bytes'],
    [
      'a text beyond the end',
      code(0x80, 2, 0x58, 255, 255, 255, 255),
      'expected a pickle with an end, got one that is cut off after 7 bytes',
    ],
    [
      'a frame beyond the end',
      code(0x80, 4, 0x95, 1),
      'expected a pickle with an end, got one that is cut off after 4 bytes',
    ],
    ['an empty stack', pickle.of(), 'expected values on the pickle stack, got too few'],
    [
      'values below a mark',
      pickle.of(pickle.none, code(0x28, 0x85)),
      'expected values on the pickle stack, got too few',
    ],
    ['no mark', pickle.of(code(0x74)), 'expected a mark on the pickle stack, got none'],
    [
      'marks in marks',
      pickle.of(Buffer.alloc(1000, 0x28)),
      'expected a pickle that nests at most 100 deep, got a deeper one',
    ],
    ['tuples in tuples', deep, 'expected a state_dict, which has tensors by name, got a tuple'],
    [
      'a million tuples and more',
      pickle.of(
        code(0x28),
        ...Array.from({ length: 30 }, () => Buffer.concat([Buffer.alloc(50_000, 0x29), code(0x74, 0x28)])),
      ),
      'expected a pickle of at most 1000000 objects, got more',
    ],
    [
      'a high stack',
      pickle.of(Buffer.alloc(200_000, 0x4e)),
      'expected a pickle stack of at most 100000 values, got a higher one',
    ],
    [
      'a huge memo index',
      pickle.of(pickle.none, code(0x72, 255, 255, 255, 255)),
      'expected a memo of at most 1000000 values, got index 4294967295',
    ],
    ['an empty memo', pickle.of(code(0x68, 9)), 'expected a value put into the memo before it is fetched, got index 9'],
    [
      'a huge LONG',
      pickle.of(code(0x8b, 255, 255, 255, 255)),
      'expected whole numbers of at most 16 bytes, got 4294967295 bytes',
    ],
    [
      'a text that is not UTF-8',
      pickle.of(code(0x58, 1, 0, 0, 0, 0xff)),
      'expected texts in UTF-8, got bytes that are not',
    ],
    [
      'a key twice',
      pickle.of(pickle.dict([pickle.text('a'), pickle.none], [pickle.text('a'), pickle.none])),
      'expected each key of a dict once, got "a" twice',
    ],
    [
      'a key that is a tuple',
      pickle.of(pickle.dict([pickle.tuple(), pickle.none])),
      'expected texts or numbers as the keys of a dict, got a tuple',
    ],
    [
      'a key alone',
      pickle.of(code(0x7d, 0x28), pickle.none, code(0x75)),
      'expected a value to each key of a dict, got a key without one',
    ],
    ['entries of a list', pickle.of(code(0x5d, 0x28, 0x75)), 'expected a dict to put entries into, got a list'],
    ['items of a dict', pickle.of(code(0x7d, 0x28, 0x65)), 'expected a list to append to, got a dict'],
    [
      'a text that is called',
      pickle.of(pickle.text('f'), pickle.tuple(), code(0x52)),
      'expected a call of a name with a tuple, got a text with a tuple',
    ],
    ['a number', pickle.of(pickle.int(1)), 'expected a state_dict, which has tensors by name, got a number'],
    [
      'a state_dict inside a checkpoint of training',
      pickle.of(pickle.dict([pickle.text('state_dict'), pickle.dict()])),
      'expected a state_dict, which has tensors by name; save model.state_dict() alone, got a dict under "state_dict"',
    ],
    [
      'another persistent id',
      pickle.of(pickle.persistent(pickle.tuple(pickle.text('module')))),
      'expected storages as the only persistent ids, got a tuple',
    ],
    [
      'a persistent id of another type',
      pickle.of(pickle.persistent(pickle.tuple(pickle.text('storage'), pickle.global('torch Size')))),
      'expected storages as the only persistent ids, got torch.Size',
    ],
  ];
  test.each(refused)('%s', async (_, data, message) => {
    expect(await refusal(opened(zipOf(data)))).toBe(`${message}, in PATH`);
  });

  test('a pickle that is too large', async () => {
    const data = Buffer.alloc(16 * 1024 * 1024 + 1, 0x4e);
    expect(await refusal(opened(zipOf(data)))).toBe(
      'expected a pickle of at most 16777216 bytes, got 16777217 bytes, in PATH',
    );
    data[0] = 0x80;
    data[1] = 2;
    expect(await refusal(opened(data))).toBe(
      'expected a pickle stack of at most 100000 values, got a higher one, in PATH',
    );
  });
});

describe('tensors that are refused, and how', () => {
  const within = (shape: string, strides: string, offset: number) =>
    `expected ${shape} with strides ${strides} from element ${offset} on within its storage, got a storage of 6 elements, in PATH, tensor "x"`;
  const refused: [string, Partial<TestView>, string][] = [
    ['more values than the storage has', { shape: [3, 3] }, within('[3, 3]', '[3, 1]', 0)],
    ['an offset beyond the end', { offset: 1 }, within('[2, 3]', '[3, 1]', 1)],
    ['an offset of nothing beyond the end', { offset: 7, shape: [0], strides: [1] }, within('[0]', '[1]', 7)],
    ['strides beyond the end', { strides: [4, 1] }, within('[2, 3]', '[4, 1]', 0)],
    ['strides of 0, which repeat a value', { shape: [1e9], strides: [0] }, within('[1000000000]', '[0]', 0)],
    [
      'a shape that overflows',
      { shape: [2 ** 40, 2 ** 40], strides: [0, 0] },
      within('[1099511627776, 1099511627776]', '[0, 0]', 0),
    ],
    ['a stride that overflows', { strides: [2 ** 53 - 1, 1] }, within('[2, 3]', '[9007199254740991, 1]', 0)],
    ['a negative stride', { strides: [-3, 1] }, 'expected strides of whole numbers, not negative, got -3, in PATH'],
    ['a negative length', { shape: [-2, 3] }, 'expected a shape of whole numbers, not negative, got -2, in PATH'],
    ['a negative offset', { offset: -1 }, 'expected an offset of whole numbers, not negative, got -1, in PATH'],
    [
      'strides for fewer axes',
      { strides: [1] },
      'expected a stride for each axis of [2, 3], got 1 strides, in PATH, tensor "x"',
    ],
    [
      'too many axes',
      { shape: Array(65).fill(1), strides: Array(65).fill(1) },
      'expected at most 64 axes, got 65, in PATH',
    ],
    ['a storage that is shorter', { count: 7 }, 'expected 28 bytes for its storage, got 24 bytes, in PATH, tensor "x"'],
    [
      'a storage of absurd size',
      { count: 2 ** 53 - 1 },
      'expected 36028797018963964 bytes for its storage, got 24 bytes, in PATH, tensor "x"',
    ],
    [
      'a storage that is missing',
      { storage: '../0' },
      'expected storage "../0" in the file, got none, in PATH, tensor "x"',
    ],
    [
      'a storage of complex numbers',
      { type: 'ComplexFloatStorage' },
      `${only}, got torch.ComplexFloatStorage, in PATH`,
    ],
    ['a dtype of another vendor', { dtype: 'float8_e4m3fnuz' }, `${only}, got torch.float8_e4m3fnuz, in PATH`],
    [
      'an untyped storage without a dtype',
      { type: 'UntypedStorage' },
      'expected a dtype from the storage or from the tensor, got neither, in PATH, tensor "x"',
    ],
  ];
  test.each(refused)('%s', async (_, over, message) => {
    expect(await refusal(opened(xFile(over)))).toBe(message);
  });

  test('one storage of two types, and two of one key', async () => {
    const twice = (over: Partial<TestView>) => opened(zipOf(stateDict({ x: x({}), y: x(over) }), { 0: six }));
    const message = 'expected one type and size of storage 0, got two, in PATH';
    expect(await refusal(twice({ type: 'IntStorage' }))).toBe(message);
    expect(await refusal(twice({ count: 5, shape: [], strides: [] }))).toBe(message);
  });

  test('numbers that are to be negated when they are read', async () => {
    const tensor = pickle.call(
      'torch._utils _rebuild_tensor_v2',
      pickle.persistent(
        pickle.tuple(
          pickle.text('storage'),
          pickle.global('torch FloatStorage'),
          ...['0', 'cpu'].map(pickle.text),
          pickle.int(6),
        ),
      ),
      pickle.int(0),
      pickle.ints([6]),
      pickle.ints([1]),
      pickle.bool(false),
      pickle.none,
      pickle.dict([pickle.text('neg'), pickle.bool(true)]),
    );
    expect(await refusal(opened(zipOf(pickle.of(pickle.dict([pickle.text('x'), tensor])), { 0: six })))).toBe(
      'expected a tensor of plain numbers, got one to be conjugated or negated, in PATH',
    );
  });
});

describe('files that are refused, and how', () => {
  const good = torchEntries(stateDict({ x: x({}) }), { 0: six });
  const changed = (name: string, change: Partial<ZipEntry>) =>
    zip(good.map((entry) => (entry.name === name ? { ...entry, ...change } : entry)));
  const damaged = 'expected a whole zip file; download the file again, got ';
  const legacy = (over: Partial<TestView>, endian = true) => legacyFile({ x: x(over) }, { 0: six }, endian);
  const refused: [string, Uint8Array, string][] = [
    ['an empty file', Buffer.alloc(0), 'expected a file of torch.save, got an empty file'],
    [
      'a Git LFS pointer',
      Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\n'),
      'expected a file of torch.save, got a Git LFS pointer; run "git lfs pull" in the folder, or download the file again',
    ],
    [
      'a web page',
      Buffer.from('<html>'),
      'expected a file of torch.save, got another beginning; download the file again',
    ],
    [
      'a zip file cut off',
      zip(good).subarray(0, 600),
      `${damaged}"End of central directory record signature not found. Either not a zip file, or file is truncated."`,
    ],
    [
      'a zip file without its middle',
      Buffer.concat([zip(good).subarray(0, 100), zip(good).subarray(160)]),
      `${damaged}"invalid central directory file header signature: 0x`,
    ],
    ['an entry outside', changed('archive/data/0', { offset: 1e6 }), `${damaged}"offset 1000000 is outside the file"`],
    [
      'an entry longer than the file',
      changed('archive/data/0', { size: 1e6 }),
      `${damaged}"file data overflows file bounds: `,
    ],
    [
      'a compressed entry',
      changed('archive/data.pkl', { method: 8 }),
      'expected entries stored as they are, got "archive/data.pkl" compressed; save the weights again',
    ],
    [
      'an encrypted entry',
      changed('archive/data/0', { flags: 1, size: 12 }),
      `${damaged}"compressed/uncompressed size mismatch for stored file: 12 != 12"`,
    ],
    ['an entry twice', zip([...good, good[0]]), 'expected each entry once, got "archive/data.pkl" twice'],
    ['no pickle', zip(good.slice(1)), 'expected one data.pkl in the zip file of torch.save, got 0'],
    [
      'two archives',
      zip([...good, { name: 'other/data.pkl', data: code(0x2e) }]),
      'expected one data.pkl in the zip file of torch.save, got 2',
    ],
    [
      'the other byte order',
      changed('archive/byteorder', { data: Buffer.from('big') }),
      'expected weights in byte order "little", got "big"',
    ],
    ['the other byte order, older format', legacy({}, false), 'expected weights in byte order "little", got another'],
    [
      'a pickle of something else',
      pickle.of(pickle.int(1)),
      'expected the magic number of torch.save, got a pickle of something else',
    ],
    [
      'the older format cut off in a pickle',
      legacy({}).subarray(0, 100),
      'expected a pickle with an end, got one that is cut off after 100 bytes',
    ],
    [
      'the older format cut off in a storage',
      legacy({}).subarray(0, -1),
      `expected data up to byte ${legacy({}).length}, got a file that ends at ${legacy({}).length - 1}`,
    ],
    [
      'the older format without a storage',
      legacyFile({ x: x({}) }, {}),
      'expected storage "0" in the file, got none, in PATH, tensor "x"',
    ],
    [
      'the older format with a storage of nobody',
      legacyFile({ x: x({}) }, { 0: six, 1: six }),
      'expected each storage of the state_dict once, got a text',
    ],
  ];
  test.each(refused)('%s', async (_, bytes, message) => {
    expect(await refusal(opened(bytes))).toContain(message);
  });

  test('counts that differ in the older format', async () => {
    const bytes = legacy({});
    bytes.writeBigUInt64LE(2n ** 62n, bytes.length - six.length - 8);
    expect(await refusal(opened(bytes))).toBe('expected 6 values in storage "0", got 4611686018427388000, in PATH');
  });

  test('offsets of zip64 beyond every file', async () => {
    const bytes = zip(good);
    const end = bytes.subarray(-22);
    const locator = Buffer.alloc(20, 0xff);
    locator.write('PK\x06\x07', 'latin1');
    expect(await refusal(opened(Buffer.concat([bytes.subarray(0, -22), locator, end])))).toContain(
      `${damaged}"offset 18446744073709552000 is outside the file"`,
    );
  });

  test('a file that becomes shorter after it was opened, and an abort', async () => {
    const file = await opened(zip(good));
    const { begin, end } = file.tensors.get('x')!;
    expect(end - begin).toBe(24);
    await expect(file.read('x', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    await truncate(path, end - 2);
    expect(await refusal(file.readFloats('x'))).toBe(
      `expected data up to byte ${end}, got a file that ends at ${end - 2}, in PATH, tensor "x"`,
    );
    expect(await refusal(file.readFloats('y'))).toBe('expected tensor "y", got none of that name among 1, in PATH');
    await file.close();
  });
});

test('a damaged file gives a CheckpointError or is read, nothing else', async () => {
  const tensors = { a: f32([2, 3], [1, 2, 3, 4, 5, 6]), b: half('BF16', [4], [1, 2, 3, 4]) };
  const views = { a: viewOf(tensors.a, '0'), b: { ...viewOf(tensors.b, '1'), shape: [2, 2], strides: [1, 2] } };
  const goods = [torchFile(tensors), legacyFile(views, { 1: tensors.b.bytes, 0: tensors.a.bytes })];
  const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(flips, fc.nat(), fc.boolean(), fc.nat(1), async (changes, length, cut, which) => {
      const good = goods[which];
      const bad = Buffer.from(good.subarray(0, cut ? length % good.length : good.length));
      for (const [at, mask] of changes) if (bad.length) bad[at % bad.length] ^= mask;
      try {
        const file = await opened(bad);
        try {
          for (const name of file.tensors.keys()) await file.readFloats(name);
        } finally {
          await file.close();
        }
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
      }
    }),
    { numRuns: 2000 },
  );
});
