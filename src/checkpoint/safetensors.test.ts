import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { f32, folderWith, half, rawFile, removeFolder, safetensors } from '../../test/checkpoint-fixture.js';
import { CheckpointError } from '../errors.js';
import { encodeFloats, openSafetensors, type StoredDtype } from './safetensors.js';
import { valueBytes } from './stored-dtype.js';

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await folderWith();
  path = join(folder, 'x.safetensors');
});
afterAll(() => removeFolder(folder));

async function opened(bytes: Uint8Array) {
  await writeFile(path, bytes);
  return openSafetensors(path);
}

test('names come in header order, number-like ones too, and the values back', async () => {
  const file = await opened(
    rawFile(
      '{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"7":{"dtype":"F16","shape":[],"data_offsets":[8,10]},' +
        '"__metadata__":{"format":"pt"},"__proto__":{"dtype":"BF16","shape":[1,0],"data_offsets":[10,10]}}  ',
      Buffer.concat([f32([2], [1.5, -2]).bytes, half('F16', [], [0x3c00]).bytes]),
    ),
  );
  expect([...file.tensors.keys()]).toEqual(['b', '7', '__proto__']);
  expect(file.metadata).toEqual(new Map([['format', 'pt']]));
  expect(file.tensors.get('b')).toEqual({
    dtype: 'F32',
    shape: [2],
    begin: file.headerBytes,
    end: file.headerBytes + 8,
  });
  expect(file.headerBytes + 10).toBe((await readFile(path)).length);
  expect([...(await file.readFloats('b'))]).toEqual([1.5, -2]);
  expect([...(await file.readFloats('7'))]).toEqual([1]);
  expect([...(await file.readFloats('__proto__'))]).toEqual([]);
  expect([...new Uint8Array(await file.read('7'))]).toEqual([0, 0x3c]);
  await file.close();
});

test('a file without tensors is a file', async () => {
  const file = await opened(rawFile('{}'));
  expect(file.tensors.size).toBe(0);
  await file.close();
});

const entry = (over: object) =>
  rawFile(JSON.stringify({ x: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...over } }), new Uint8Array(8));
const two = (a: [number, number], b: [number, number]) => {
  const of = ([begin, end]: [number, number]) => ({ dtype: 'U8', shape: [end - begin], data_offsets: [begin, end] });
  return rawFile(JSON.stringify({ a: of(a), b: of(b) }), new Uint8Array(8));
};
const dtypes = 'BOOL, U8, I8, I16, U16, I32, U32, I64, U64, F16, BF16, F32, F64, F8_E4M3, F8_E5M2';

describe('what is refused at opening, and how', () => {
  const cases: [string, Uint8Array, string][] = [
    [
      'an empty file',
      new Uint8Array(0),
      'expected a safetensors file, which has at least 10 bytes, got 0 bytes, in PATH',
    ],
    [
      'a Git LFS pointer',
      Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\n'),
      'expected a safetensors file, got a Git LFS pointer; run "git lfs pull" in the folder, or download the file again, in PATH',
    ],
    [
      'a header longer than the limit',
      rawFile('{}', new Uint8Array(0), 2n ** 63n),
      'expected a header of at most 100000000 bytes, got 9223372036854775808 bytes, in PATH',
    ],
    [
      'a header longer than the file',
      rawFile('{}', new Uint8Array(0), 3n),
      'expected a header of 3 bytes, as its first 8 bytes say; download the file again, got a file of 10 bytes, in PATH',
    ],
    ['an empty header', rawFile('', new Uint8Array(4)), 'expected a header that begins with {, got no header, in PATH'],
    ['another beginning', rawFile(' {}'), 'expected a header that begins with {, got byte 32, in PATH'],
    [
      'bytes that are not UTF-8',
      rawFile(Uint8Array.of(0x7b, 0xff, 0x7d)),
      'expected a header in UTF-8, got bytes that are not, in PATH',
    ],
    ['no JSON', rawFile('{"a"}'), 'expected a header of valid JSON, got a syntax error, in PATH'],
    [
      'deep nesting',
      rawFile(`{"a":${'['.repeat(1e6)}`),
      'expected a header that nests at most 8 deep, got one that nests deeper, in PATH',
    ],
    [
      'a name twice',
      rawFile(
        '{"ab":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061b":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      ),
      'expected each name once in the header, got "ab" twice, in PATH',
    ],
    [
      'metadata of other things',
      rawFile('{"__metadata__":{"a":1}}'),
      'expected an object of strings under __metadata__, got "a": 1, in PATH',
    ],
    [
      'metadata that is no object',
      rawFile('{"__metadata__":null}'),
      'expected an object of strings under __metadata__, got null, in PATH',
    ],
    [
      'an entry that is no object',
      rawFile('{"x":[1]}'),
      'expected an entry {"dtype", "shape", "data_offsets"}, got [1], in PATH, tensor "x"',
    ],
    ['an unknown dtype', entry({ dtype: 'Q4' }), `expected a dtype of ${dtypes}, got "Q4", in PATH, tensor "x"`],
    [
      'a dtype by inheritance',
      entry({ dtype: 'toString' }),
      `expected a dtype of ${dtypes}, got "toString", in PATH, tensor "x"`,
    ],
    ['a negative length', entry({ shape: [-2] }), 'expected a shape of whole numbers, got [-2], in PATH, tensor "x"'],
    ['a fraction', entry({ shape: [0.5] }), 'expected a shape of whole numbers, got [0.5], in PATH, tensor "x"'],
    ['no shape', entry({ shape: undefined }), 'expected a shape of whole numbers, got nothing, in PATH, tensor "x"'],
    [
      'three offsets',
      entry({ data_offsets: [0, 4, 8] }),
      'expected data_offsets of two whole numbers, got [0,4,8], in PATH, tensor "x"',
    ],
    [
      'offsets behind the end',
      entry({ shape: [4], data_offsets: [0, 16] }),
      'expected data_offsets in order within the 8 bytes of data; download the file again, got [0,16], in PATH, tensor "x"',
    ],
    [
      'offsets in the wrong order',
      entry({ data_offsets: [8, 0] }),
      'expected data_offsets in order within the 8 bytes of data; download the file again, got [8,0], in PATH, tensor "x"',
    ],
    [
      'a shape of another size',
      entry({ shape: [3] }),
      'expected 12 bytes for F32 [3], got 8 bytes, in PATH, tensor "x"',
    ],
    [
      'a shape that overflows',
      entry({ shape: [2 ** 32, 2 ** 32, 2 ** 32] }),
      'expected 3.1691265005705735e+29 bytes for F32 [4294967296, 4294967296, 4294967296], got 8 bytes, in PATH, tensor "x"',
    ],
    [
      'an overlap',
      two([0, 5], [4, 8]),
      'expected data from byte 5 on, where the tensor before it ends, got an overlap: data from byte 4 on, in PATH, tensor "b"',
    ],
    [
      'a hole',
      two([0, 3], [4, 8]),
      'expected data from byte 3 on, where the tensor before it ends, got a hole: data from byte 4 on, in PATH, tensor "b"',
    ],
    [
      'data behind the last tensor',
      two([0, 3], [3, 6]),
      'expected 6 bytes of data, as the header says; download the file again, got 8 bytes, in PATH',
    ],
  ];
  test.each(cases)('%s', async (_, bytes, message) => {
    const error = await opened(bytes).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as Error).message.replace(path, 'PATH')).toBe(message);
  });

  test('no file, and a folder', async () => {
    await expect(openSafetensors(join(folder, 'none'))).rejects.toThrow(
      `expected a readable safetensors file, got no such file, in ${join(folder, 'none')}`,
    );
    await expect(openSafetensors(folder)).rejects.toThrow(
      `expected a safetensors file, got something that is not a file, in ${folder}`,
    );
  });
});

test('what is refused at reading, and how', async () => {
  const file = await opened(
    safetensors({
      i: { dtype: 'I64', shape: [1], bytes: new Uint8Array(8) },
      nan: f32([3], [0, Number.NaN, 0]),
      inf: half('F16', [2], [0, 0xfc00]),
      wide: { dtype: 'F64', shape: [2], bytes: new Uint8Array(Float64Array.of(1, -1e39).buffer) },
      wider: { dtype: 'F64', shape: [1], bytes: new Uint8Array(Float64Array.of(Infinity).buffer) },
      eight: { dtype: 'F8_E4M3', shape: [2], bytes: Uint8Array.of(0x7e, 0xff) },
      last: f32([1], [1]),
    }),
  );
  const message = async (name: string) => {
    const error = await file.readFloats(name).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CheckpointError);
    return (error as Error).message.replace(path, 'PATH');
  };
  expect(await message('i')).toBe(
    'expected weights stored as F64, F32, F16, BF16, F8_E4M3 or F8_E5M2, got I64, in PATH, tensor "i"',
  );
  expect(await message('nan')).toBe('expected finite weights, got NaN at index 1, in PATH, tensor "nan"');
  expect(await message('inf')).toBe('expected finite weights, got -Infinity at index 1, in PATH, tensor "inf"');
  expect(await message('wide')).toBe(
    'expected weights within the range of f32, got -1e+39 at index 1, in PATH, tensor "wide"',
  );
  expect(await message('wider')).toBe('expected finite weights, got Infinity at index 0, in PATH, tensor "wider"');
  expect(await message('eight')).toBe('expected finite weights, got NaN at index 1, in PATH, tensor "eight"');
  expect(await message('no\u001b\n')).toBe('expected tensor "no\\u001b\\n", got none of that name among 7, in PATH');
  const { end } = file.tensors.get('last') as { end: number };
  await truncate(path, end - 2);
  expect(await message('last')).toBe(
    `expected data up to byte ${end}, got a file that ends at ${end - 2}, in PATH, tensor "last"`,
  );
  await expect(file.read('i', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  await file.close();
});

test('random tensors are read back the same', async () => {
  const tensor = fc
    .record({
      dtype: fc.constantFrom('F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2', 'U8', 'I64'),
      shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
      seed: fc.nat(),
    })
    .map(({ dtype, shape, seed }) => {
      const bytes = new Uint8Array(valueBytes[dtype] * shape.reduce((a, b) => a * b, 1));
      // The top bits stay clear: no NaN, no infinity.
      return { dtype, shape, bytes: bytes.map((_, i) => ((seed >>> (i % 23)) * (i + 1)) & 0x3f) };
    });
  const names = fc.string({ maxLength: 12 }).filter((name) => name !== '__metadata__' && name !== '__proto__');
  await fc.assert(
    fc.asyncProperty(fc.dictionary(names, tensor, { maxKeys: 6 }), async (tensors) => {
      const file = await opened(safetensors(tensors, { format: 'pt' }));
      try {
        expect([...file.tensors.keys()]).toEqual(Object.keys(tensors));
        for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
          expect(file.tensors.get(name)).toMatchObject({ dtype, shape });
          expect(new Uint8Array(await file.read(name))).toEqual(bytes);
          if (dtype === 'U8' || dtype === 'I64') continue;
          expect(encodeFloats(await file.readFloats(name), dtype as StoredDtype)).toEqual(bytes);
        }
      } finally {
        await file.close();
      }
    }),
    { numRuns: 100 },
  );
});

test('a damaged file gives a CheckpointError or is read, nothing else', async () => {
  const good = safetensors(
    { 'a.weight': f32([2, 3], [1, 2, 3, 4, 5, 6]), b: half('BF16', [4], [1, 2, 3, 4]) },
    { format: 'pt' },
  );
  const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(flips, fc.nat(good.length), fc.boolean(), async (changes, length, cut) => {
      const bad = good.slice(0, cut ? length : good.length);
      for (const [at, mask] of changes) if (at < bad.length) bad[at] ^= mask;
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
    { numRuns: 1000 },
  );
});
