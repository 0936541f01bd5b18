// Files of torch.save that are read: real ones, any view, shared storages, the formats of older versions.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folderWith, removeFolder } from '../../../test/checkpoint-fixture.js';
import { legacyFile, pickle, stateDict, type TestView, torchEntries, view, zip } from '../../../test/torch-fixture.js';
import { CheckpointError } from '../../errors.js';
import { openTorchFile } from './torch-file.js';

/** What torch.save wrote, and what PyTorch reads in it; make_torch_cases.py made them. */
const cases: {
  files: Record<string, string>;
  tensors: Record<string, [dtype: string, shape: number[], bytes: string]>;
} = JSON.parse(await readFile(new URL('./torch-cases.json', import.meta.url), 'utf8'));

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

test.each(Object.keys(cases.files))('what torch.save wrote: %s', async (name) => {
  const file = await opened(gunzipSync(Buffer.from(cases.files[name], 'base64')));
  expect([...file.tensors.keys()]).toEqual(Object.keys(cases.tensors));
  for (const [tensor, [dtype, shape, bytes]] of Object.entries(cases.tensors)) {
    expect(file.tensors.get(tensor)).toMatchObject({ dtype, shape });
    expect(`${tensor} ${Buffer.from(await file.read(tensor)).toString('base64')}`).toBe(`${tensor} ${bytes}`);
  }
  expect([...(await file.readFloats('scalar'))]).toEqual([2.5]);
  await expect(file.readFloats('int64')).rejects.toThrow('expected weights stored as F64, F32, F16, BF16');
  await file.close();
});

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

test('any view of a storage is read as its indexes say', async () => {
  const axes = fc.array(fc.record({ length: fc.integer({ min: 0, max: 4 }), key: fc.nat() }), { maxLength: 4 });
  const views = fc.record({
    axes,
    gap: fc.integer({ min: 1, max: 3 }),
    offset: fc.nat(5),
    dtype: fc.constantFrom(0, 1, 2),
  });
  await fc.assert(
    fc.asyncProperty(views, async ({ axes, gap, offset, dtype }) => {
      const shape = axes.map(({ length }) => length);
      // Memory in any order of the axes, with gaps between the values.
      const strides: number[] = [];
      let step = gap;
      for (const axis of axes.map((_, a) => a).sort((a, b) => axes[a].key - axes[b].key)) {
        strides[axis] = step;
        step *= Math.max(1, shape[axis]);
      }
      const count = offset + step;
      const [type, array] = [
        ['FloatStorage', Float32Array],
        ['DoubleStorage', Float64Array],
        ['ShortStorage', Int16Array],
      ][dtype] as [string, typeof Float32Array];
      const stored = new Uint8Array(array.from({ length: count }, (_, i) => i).buffer);
      const file = await opened(
        zip(torchEntries(stateDict({ x: { storage: 'k', type, count, offset, shape, strides } }), { k: stored })),
      );
      let expected = [offset];
      shape.forEach((length, a) => {
        expected = expected.flatMap((from) => Array.from({ length }, (_, i) => from + i * strides[a]));
      });
      expect([...new array(await file.read('x'))]).toEqual(expected);
      await file.close();
    }),
    { numRuns: 200 },
  );
});

test('tensors that share a storage, and the older format with storages in another order', async () => {
  const views = {
    a: x({}),
    b: x({ shape: [3, 2], strides: [1, 3] }),
    c: x({ storage: 'w', count: 1, shape: [], strides: [] }),
  };
  const storages = { w: floats(7), 0: six };
  for (const bytes of [zip(torchEntries(stateDict(views), storages)), legacyFile(views, storages)]) {
    const file = await opened(bytes);
    expect(file.fileBytes).toBe(bytes.length);
    expect([...(await file.readFloats('a'))]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...(await file.readFloats('b'))]).toEqual([0, 3, 1, 4, 2, 5]);
    expect([...(await file.readFloats('c'))]).toEqual([7]);
    await file.close();
  }
});

test('a pickle larger than what is read of the older format at first', async () => {
  const views = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`${i}${'.weight'.repeat(20)}`, x({})]));
  const file = await opened(legacyFile(views, { 0: six }));
  expect(file.tensors.size).toBe(3000);
  expect([...(await file.readFloats(`2999${'.weight'.repeat(20)}`))]).toEqual([0, 1, 2, 3, 4, 5]);
  await file.close();
});

test('what Python 2 wrote: an OrderedDict from lists of two, names as byte strings', async () => {
  const pairs = (...items: Uint8Array[]) => pickle.of(pickle.call('collections OrderedDict', pickle.list(...items)));
  const pair = pickle.list(Buffer.from('U\x01x'), view(x({})));
  const file = await opened(zip(torchEntries(pairs(pair), { 0: six })));
  expect([...(await file.readFloats('x'))]).toEqual([0, 1, 2, 3, 4, 5]);
  await file.close();
  const refused = (...items: Uint8Array[]) => refusal(opened(zip(torchEntries(pairs(...items), { 0: six }))));
  expect(await refused(pair, pair)).toBe('expected each key of a dict once, got "x" twice, in PATH');
  expect(await refused(pickle.list(pickle.none))).toBe('expected an OrderedDict of pairs, got one of a list, in PATH');
});
