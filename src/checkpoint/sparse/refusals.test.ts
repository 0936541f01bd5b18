// Sparse folders that lie: what is refused, when, and in which words. The good one is read first.

import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import {
  bytes,
  f32,
  folderWith,
  half,
  i64,
  removeFolder,
  safetensors,
  sparseSection,
  type TestTensor,
} from '../../../test/checkpoint-fixture.js';
import { torchFile } from '../../../test/torch-fixture.js';
import { CheckpointError } from '../../errors.js';
import { openCheckpoint } from '../open-checkpoint.js';

type Tensors = Record<string, TestTensor | undefined>;

/** [[1, 0, …, 2 in column 9], [0, …], [0, 3, 0, …]], three rows of ten. */
const good: Tensors = {
  'x.shape': i64([2], [3n, 10n]),
  'x.compressed': f32([3], [1, 2, 3]),
  'x.bitmask': bytes('U8', [3, 2], [1, 2, 0, 0, 2, 0]),
  'x.row_offsets': i64([3], [0n, 2n, 2n]),
  norm: f32([2], [1, 1]),
};
const int8: Tensors = { ...good, 'x.compressed': bytes('I8', [3], [127, 254, 1]), 'x.scale': f32([3], [0.5, 0, 2]) };

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await removeFolder(folder);
});
async function opened(tensors: Tensors, config: object = sparseSection()) {
  const present = Object.entries(tensors).filter((entry): entry is [string, TestTensor] => entry[1] !== undefined);
  const folder = await folderWith({
    'config.json': JSON.stringify({ model_type: 'llama', ...config }),
    'model.safetensors': safetensors(Object.fromEntries(present)),
  });
  folders.push(folder);
  return openCheckpoint(folder);
}
async function messageOf(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(CheckpointError);
  return (error as Error).message
    .replaceAll(join(folders[0], 'model.safetensors'), 'FILE')
    .replaceAll(folders[0], 'FOLDER');
}

test('a good folder shows the dense tensors, and no quantization_config', async () => {
  const checkpoint = await opened(good);
  expect(checkpoint.names()).toEqual(['x.weight', 'norm']);
  expect(checkpoint.info('x.weight')).toMatchObject({ dtype: 'F32', shape: [3, 10], file: 'model.safetensors' });
  expect(checkpoint.info('x.weight').sparse).toMatchObject({ bytes: 16 + 12 + 6 + 24 });
  const rows = [1, 0, 0, 0, 0, 0, 0, 0, 0, 2, ...Array(10).fill(0), 0, 3, ...Array(8).fill(0)];
  expect([...(await checkpoint.readFloats('x.weight', [3, 10]))]).toEqual(rows);
  expect([...new Float32Array(await checkpoint.read('x.weight'))]).toEqual(rows);
  expect(checkpoint.config.isMissing('quantization_config')).toBe(true);
  expect([checkpoint.format, checkpoint.has('x.shape'), checkpoint.tensorBytes]).toEqual(['sparse', false, 120 + 8]);
  await expect(checkpoint.readFloats('x.weight', [10, 3])).rejects.toThrow(
    `expected shape [10, 3], which config.json implies, got [3, 10], in ${join(folders[0], 'model.safetensors')}, tensor "x.weight"`,
  );
  await expect(checkpoint.read('x.weight', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  await checkpoint.close();
});

test('int8 values read as f32', async () => {
  const checkpoint = await opened(int8, sparseSection('sparse-bitmask-int8'));
  expect(checkpoint.info('x.weight')).toMatchObject({ dtype: 'F32', sparse: { shape: { dtype: 'I8' }, bytes: 61 } });
  const values = await checkpoint.readFloats('x.weight', [3, 10]);
  expect([values[0], values[9], values[21]]).toEqual([63.5, -1, 2]);
  expect(checkpoint.names()).toEqual(['x.weight', 'norm']);
  await checkpoint.close();
});

const part = (name: string) => `, in FILE, tensor "x.${name}"`;
const float = 'expected weights stored as F64, F32, F16, BF16, F8_E4M3 or F8_E5M2';
const lengths = 'expected a shape of two whole numbers above 0';

test.each<[string, Tensors, string]>([
  ...['shape', 'compressed', 'bitmask', 'row_offsets'].map((name): [string, Tensors, string] => [
    `no ${name}`,
    { [`x.${name}`]: undefined },
    `expected tensor "x.${name}", a part of "x.weight", got none of that name, in FOLDER`,
  ]),
  [
    'both forms',
    { 'x.weight': f32([3, 10], Array(30).fill(0)) },
    'expected "x.weight" either dense or in parts, got both, in FOLDER',
  ],
  ['a shape of another dtype', { 'x.shape': f32([2], [3, 10]) }, `expected I64 [2], got F32 [2]${part('shape')}`],
  ['three axes', { 'x.shape': i64([3], [3n, 5n, 2n]) }, `expected I64 [2], got I64 [3]${part('shape')}`],
  ['a shape as a column', { 'x.shape': i64([2, 1], [3n, 10n]) }, `expected I64 [2], got I64 [2, 1]${part('shape')}`],
  ['no rows', { 'x.shape': i64([2], [0n, 10n]) }, `${lengths}, got [0, 10]${part('shape')}`],
  ['negative columns', { 'x.shape': i64([2], [3n, -10n]) }, `${lengths}, got [3, -10]${part('shape')}`],
  [
    'a length beyond 2^53',
    { 'x.shape': i64([2], [3n, 2n ** 53n]) },
    `${lengths}, got [3, 9007199254740992]${part('shape')}`,
  ],
  [
    'an absurd size',
    { 'x.shape': i64([2], [2n ** 52n, 2n ** 52n]) },
    `expected U8 [4503599627370496, 562949953421312], got U8 [3, 2]${part('bitmask')}`,
  ],
  ['other rows', { 'x.shape': i64([2], [4n, 10n]) }, `expected U8 [4, 2], got U8 [3, 2]${part('bitmask')}`],
  ['other columns', { 'x.shape': i64([2], [3n, 17n]) }, `expected U8 [3, 3], got U8 [3, 2]${part('bitmask')}`],
  [
    'a mask of bits in a row',
    { 'x.bitmask': bytes('U8', [6], [1, 2, 0, 0, 2, 0]) },
    `expected U8 [3, 2], got U8 [6]${part('bitmask')}`,
  ],
  [
    'a mask of another dtype',
    { 'x.bitmask': bytes('I8', [3, 2], [1, 2, 0, 0, 2, 0]) },
    `expected U8 [3, 2], got I8 [3, 2]${part('bitmask')}`,
  ],
  [
    'values as a matrix',
    { 'x.compressed': f32([1, 3], [1, 2, 3]) },
    `expected at most 30 values in one row, got [1, 3]${part('compressed')}`,
  ],
  [
    'more values than weights',
    { 'x.compressed': f32([31], Array(31).fill(1)) },
    `expected at most 30 values in one row, got [31]${part('compressed')}`,
  ],
  ['values of no float', { 'x.compressed': i64([3], [1n, 2n, 3n]) }, `${float}, got I64${part('compressed')}`],
  ['too few offsets', { 'x.row_offsets': i64([2], [0n, 2n]) }, `expected I64 [3], got I64 [2]${part('row_offsets')}`],
  [
    'a scale beside floats',
    { 'x.scale': f32([3], [1, 1, 1]) },
    'expected no "x.scale" beside values of F32, got one, in FOLDER',
  ],
  [
    'int8 without a scale',
    { ...int8, 'x.scale': undefined },
    'expected tensor "x.scale", a part of "x.weight", got none of that name, in FOLDER',
  ],
  [
    'a scale of another dtype',
    { ...int8, 'x.scale': half('F16', [3], [0, 0, 0]) },
    `expected F32 [3], got F16 [3]${part('scale')}`,
  ],
])('%s is refused at opening', async (_, changed, message) => {
  expect(await messageOf(opened({ ...good, ...changed }))).toBe(message);
});

test.each<[string, Tensors, string]>([
  [
    'a first offset',
    { 'x.row_offsets': i64([3], [1n, 2n, 2n]) },
    `expected offset 0 of row 0, got 1${part('row_offsets')}`,
  ],
  [
    'a negative offset',
    { 'x.row_offsets': i64([3], [-1n, 2n, 2n]) },
    `expected offset 0 of row 0, got -1${part('row_offsets')}`,
  ],
  [
    'an offset that goes back',
    { 'x.row_offsets': i64([3], [0n, 2n, 1n]) },
    `expected an offset of row 2 from 2 to 3, got 1${part('row_offsets')}`,
  ],
  [
    'an offset beyond the values',
    { 'x.row_offsets': i64([3], [0n, 2n ** 60n, 2n]) },
    `expected an offset of row 1 from 0 to 3, got 1152921504606846976${part('row_offsets')}`,
  ],
  [
    'a row with more bits than values',
    { 'x.bitmask': bytes('U8', [3, 2], [1, 2, 4, 0, 2, 0]) },
    `expected 0 bits in row 1, one for each value that row_offsets gives it, got 1${part('bitmask')}`,
  ],
  [
    'a row with fewer',
    { 'x.bitmask': bytes('U8', [3, 2], [1, 0, 0, 0, 2, 0]) },
    `expected 2 bits in row 0, one for each value that row_offsets gives it, got 1${part('bitmask')}`,
  ],
  [
    'values that no row has',
    { 'x.compressed': f32([4], [1, 2, 3, 4]) },
    `expected 2 bits in row 2, one for each value that row_offsets gives it, got 1${part('bitmask')}`,
  ],
  [
    'a bit behind the last column',
    { 'x.bitmask': bytes('U8', [3, 2], [1, 2, 0, 0, 0, 4]) },
    `expected no bit of row 2 beyond its 10 columns, got one${part('bitmask')}`,
  ],
  ...[Number.NaN, Infinity, -1, 0].map((scale): [string, Tensors, string] => [
    `a scale of ${scale}`,
    { ...int8, 'x.scale': f32([3], [0.5, 0, scale]) },
    `expected a finite scale of row 2, above 0 where the row has values, got ${scale}${part('scale')}`,
  ]),
])('%s is refused at reading', async (_, changed, message) => {
  const checkpoint = await opened({ ...good, ...changed });
  expect(await messageOf(checkpoint.read('x.weight'))).toBe(message);
  await checkpoint.close();
});

test('values that are not finite are refused as weights, and come through as bytes', async () => {
  const checkpoint = await opened({ ...good, 'x.compressed': f32([3], [1, Number.NaN, 3]) });
  expect(await messageOf(checkpoint.readFloats('x.weight', [3, 10]))).toBe(
    'expected finite weights, got NaN at index 9, in FILE, tensor "x.weight"',
  );
  expect(new Float32Array(await checkpoint.read('x.weight'))[9]).toBeNaN();
  await checkpoint.close();
});

test('other quantisation is not taken for it', async () => {
  const { quantization_config: ours } = sparseSection();
  for (const quantization_config of [
    { ...ours, config_groups: { group_0: {} } },
    { ...ours, quant_method: 'gptq' },
    { ...ours, sparsity_config: { format: 'sparse-24-bitmask' } },
    { ...ours, sparsity_config: null },
    [],
  ]) {
    const checkpoint = await opened(good, { quantization_config });
    expect([checkpoint.format, checkpoint.has('x.shape')]).toEqual(['safetensors', true]);
    expect(checkpoint.config.isMissing('quantization_config')).toBe(false);
    await checkpoint.close();
  }
});

test('parts in pytorch_model.bin are refused', async () => {
  const folder = await folderWith({
    'config.json': JSON.stringify({ model_type: 'llama', ...sparseSection() }),
    'pytorch_model.bin': torchFile({ a: f32([1], [1]) }),
  });
  folders.push(folder);
  expect(await messageOf(openCheckpoint(folder))).toBe(
    'expected sparse weights in safetensors files, got others, in FOLDER/pytorch_model.bin',
  );
});
