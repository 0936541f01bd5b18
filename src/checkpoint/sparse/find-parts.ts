// Which tensors of a sparse folder are parts of a weight, and of which: every header is held against the others here, so
// that a SparseTensor that exists has all its parts, in the sizes that its shape implies. The shapes are the only data read.

import { CheckpointError } from '../../errors.js';
import { quoted, shapeText, tensorAt } from '../../quoted.js';
import { assertFloatDtype } from '../float-dtype.js';
import { SafetensorsFile } from '../safetensors.js';
import type { TensorEntry, WeightFile } from '../weight-file.js';
import { partsOf, type ValueDtype } from './layout.js';
import { type Part, SparseTensor } from './sparse-tensor.js';

/** What a sparse folder holds beside the tensors that are stored as they are. */
export interface FoundParts {
  /** By the name of the dense tensor, `LAYER.weight`. */
  tensors: ReadonlyMap<string, SparseTensor>;
  /** For each part, the name of its dense tensor. */
  owners: ReadonlyMap<string, string>;
}

/**
 * Finds the sparse weights in the weight files of a folder. Throws a CheckpointError for parts that are missing, come beside
 * the dense weight, or do not fit together, and for files of another format.
 */
export async function findParts(
  shards: ReadonlyMap<string, WeightFile>,
  folder: string,
  signal?: AbortSignal,
): Promise<FoundParts> {
  const home = new Map<string, SafetensorsFile>();
  for (const file of shards.values()) {
    if (!(file instanceof SafetensorsFile))
      throw new CheckpointError({ expected: 'sparse weights in safetensors files', got: 'others', where: file.path });
    for (const name of file.tensors.keys()) home.set(name, file);
  }
  const tensors = new Map<string, SparseTensor>();
  const owners = new Map<string, string>();
  for (const name of home.keys()) {
    const [, layer] = /^(.*)\.(?:compressed|bitmask|row_offsets)$/s.exec(name) ?? [];
    if (layer === undefined || tensors.has(`${layer}.weight`)) continue;
    signal?.throwIfAborted();
    tensors.set(`${layer}.weight`, await sparseTensor(layer, home, folder));
    for (const part of ['shape', 'compressed', 'bitmask', 'row_offsets', 'scale'])
      if (home.has(`${layer}.${part}`)) owners.set(`${layer}.${part}`, `${layer}.weight`);
  }
  return { tensors, owners };
}

async function sparseTensor(
  layer: string,
  home: ReadonlyMap<string, SafetensorsFile>,
  folder: string,
): Promise<SparseTensor> {
  const fail = (expected: string, got: string) => new CheckpointError({ expected, got, where: folder });
  const part = (name: string): Part => {
    const file = home.get(`${layer}.${name}`);
    if (file) return { file, name: `${layer}.${name}` };
    throw fail(`tensor ${quoted(`${layer}.${name}`)}, a part of ${quoted(`${layer}.weight`)}`, 'none of that name');
  };
  const weight = `${layer}.weight`;
  if (home.has(weight)) throw fail(`${quoted(weight)} either dense or in parts`, 'both');

  const [shape, compressed, bitmask, rowOffsets] = ['shape', 'compressed', 'bitmask', 'row_offsets'].map(part);
  const { dtype, shape: stored } = entryOf(compressed);
  const where = tensorAt(compressed.file.path, compressed.name);
  if (dtype !== 'I8') assertFloatDtype(dtype, where);
  const hasScale = home.has(`${layer}.scale`);
  if (hasScale && dtype !== 'I8') throw fail(`no ${quoted(`${layer}.scale`)} beside values of ${dtype}`, 'one');
  const scale = dtype === 'I8' ? part('scale') : undefined;

  const [rows, columns] = await readShape(shape);
  if (stored.length !== 1 || !(stored[0] <= rows * columns))
    throw new CheckpointError({
      expected: `at most ${rows * columns} values in one row`,
      got: shapeText(stored),
      where,
    });
  const all = { rows, columns, nonZeros: stored[0], dtype: dtype satisfies ValueDtype };
  for (const expected of partsOf(layer, all)) checkHeader(part(expected.name.slice(layer.length + 1)), expected);
  return new SparseTensor(all, { compressed, bitmask, rowOffsets, scale });
}

const entryOf = ({ file, name }: Part) => file.tensors.get(name) as TensorEntry;

/** [rows, columns]. */
async function readShape(part: Part): Promise<[rows: number, columns: number]> {
  checkHeader(part, { dtype: 'I64', shape: [2] });
  const lengths = new BigInt64Array(await part.file.read(part.name));
  if (lengths.every((n) => n > 0n && n <= BigInt(Number.MAX_SAFE_INTEGER)))
    return [Number(lengths[0]), Number(lengths[1])];
  throw new CheckpointError({
    expected: 'a shape of two whole numbers above 0',
    got: `[${lengths.join(', ')}]`,
    where: tensorAt(part.file.path, part.name),
  });
}

function checkHeader(part: Part, expected: Pick<TensorEntry, 'dtype' | 'shape'>): void {
  const { dtype, shape } = entryOf(part);
  const text = ({ dtype, shape }: Pick<TensorEntry, 'dtype' | 'shape'>) => `${dtype} ${shapeText(shape)}`;
  if (dtype === expected.dtype && String(shape) === String(expected.shape)) return;
  throw new CheckpointError({
    expected: text(expected),
    got: text({ dtype, shape }),
    where: tensorAt(part.file.path, part.name),
  });
}
