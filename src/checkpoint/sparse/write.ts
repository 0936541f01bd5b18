// Writes the weights of a checkpoint in another form: first how many values each weight has, since a safetensors file begins
// with where everything lies, then the files, one weight at a time in memory.

import { CheckpointError } from '../../errors.js';
import { type LongRunning, safePoint } from '../../progress.js';
import { tensorAt } from '../../quoted.js';
import { toInt8 } from '../../tensor/int8.js';
import type { Checkpoint } from '../checkpoint.js';
import { assertFloatDtype, type FloatDtype, finiteFloats } from '../float-dtype.js';
import type { OutputFolder } from '../output.js';
import { layOut, type NewTensor } from '../safetensors-layout.js';
import { valueBytes } from '../stored-dtype.js';
import { defaultShardBytes, namesToWrite, type WrittenTensor, writeLayouts } from '../write-safetensors.js';
import { compress, countNonZeros, maskOf } from './encode.js';
import { type Format, partsOf, type SparseShape, sparseBytes, type ValueDtype } from './layout.js';
import { patternsOf } from './patterns.js';
import { readAs } from './values.js';
import { denseConfig, sparseConfig } from './write-config.js';

export interface WriteOptions extends LongRunning {
  format: Format;
  /** What the weights are stored as; their own dtype where it is left out. I8 has a sparse form only. */
  values?: ValueDtype | undefined;
  /** Most bytes of tensors in a file: 5·10^9. */
  shardBytes?: number;
}

/** What becomes of a weight. */
export interface Form {
  format: Format;
  dtype: ValueDtype;
  /** Of the tensor, or of all its parts. */
  bytes: number;
}

/** A form, and what the sparse form is or would be, where that is asked for. */
interface Planned {
  form: Form;
  sparse: SparseShape | null;
}

/**
 * Writes the weights of `source`, and for sparse ones config.json, into an output folder that is a conversion.
 * @param weights names of matrices, which take the form that is asked for; a weight whose sparse form would not be smaller
 *   stays dense. All other tensors are written as they are.
 * @returns the form of each of the weights, and the bytes of the files
 * @throws CheckpointError where the source cannot be read; OutputError where a value does not fit the dtype, or the folder
 *   cannot be written
 */
export async function writeWeights(
  source: Checkpoint,
  output: OutputFolder,
  weights: readonly string[],
  { signal, onProgress, format, values, shardBytes = defaultShardBytes }: WriteOptions,
): Promise<{ forms: ReadonlyMap<string, Form>; bytes: number }> {
  const total = weights.length;
  const plans = new Map<string, Planned>();
  for (const name of weights) {
    plans.set(name, await planOf(source, name, format, values, signal));
    onProgress?.({ phase: 'load', done: plans.size, total });
    await safePoint(signal);
  }

  const { names } = namesToWrite(source);
  const layouts = layOut(
    names.flatMap((name) => newTensors(source, name, plans.get(name))),
    shardBytes,
  );
  async function* tensors(): AsyncGenerator<WrittenTensor> {
    let done = 0;
    for (const name of names) {
      const plan = plans.get(name);
      yield* plan?.form.format === 'sparse'
        ? await encoded(source, name, plan.sparse as SparseShape, signal)
        : [{ name, bytes: new Uint8Array(await readAs(source, name, dtypeOf(source, name, plan), signal)) }];
      if (!plan) continue;
      onProgress?.({ phase: 'save', done: ++done, total });
      await safePoint(signal);
    }
  }
  await output.writeWeights((folder) => writeLayouts(folder, layouts, tensors(), signal));
  // A folder where nothing is sparse is a dense one.
  if ([...plans.values()].some(({ form }) => form.format === 'sparse'))
    await writeConfig(source, output, plans, values === 'I8');
  return {
    forms: new Map(Array.from(plans, ([name, { form }]) => [name, form])),
    bytes: layouts.reduce((sum, { header, tensors }) => sum + (tensors.at(-1)?.end ?? header.length), 0),
  };
}

/** Chooses the form of a matrix. For a sparse one its values are read, and counted as they will be stored. */
async function planOf(
  source: Checkpoint,
  name: string,
  format: Format,
  values: ValueDtype | undefined,
  signal?: AbortSignal,
): Promise<Planned> {
  const {
    dtype: own,
    shape: [rows, columns],
  } = source.info(name);
  assertFloatDtype(own, tensorAt(source.folder, name));
  const floats = values === undefined || values === 'I8' ? own : values;
  const dense: Form = { format: 'dense', dtype: floats, bytes: rows * columns * valueBytes[floats] };
  if (format === 'dense') return { form: dense, sparse: null };
  const stored = await readAs(source, name, floats, signal);
  const nonZeros = countNonZeros(patternsOf(stored, valueBytes[floats]));
  const sparse = { rows, columns, nonZeros, dtype: values ?? own };
  const bytes = sparseBytes(sparse);
  return { form: bytes < dense.bytes ? { format: 'sparse', dtype: sparse.dtype, bytes } : dense, sparse };
}

/** The dtype of a tensor that is written dense. */
const dtypeOf = (source: Checkpoint, name: string, plan: Planned | undefined) =>
  (plan?.form.dtype ?? source.info(name).dtype) as FloatDtype;

const layerOf = (name: string) => name.replace(/\.weight$/, '');

/** The tensors that stand for one of the source. */
function newTensors(source: Checkpoint, name: string, plan: Planned | undefined): NewTensor[] {
  if (plan?.form.format === 'sparse') return partsOf(layerOf(name), plan.sparse as SparseShape);
  return [{ name, dtype: dtypeOf(source, name, plan), shape: source.info(name).shape }];
}

/** A matrix in parts. */
async function encoded(
  source: Checkpoint,
  name: string,
  { rows, columns, nonZeros, dtype }: SparseShape,
  signal?: AbortSignal,
): Promise<WrittenTensor[]> {
  const floats = dtype === 'I8' ? (source.info(name).dtype as FloatDtype) : dtype;
  const where = tensorAt(source.folder, name);
  const stored = await readAs(source, name, floats, signal);
  const weights = patternsOf(stored, valueBytes[floats]);
  const mask = maskOf(weights, rows, columns);
  if (mask.nonZeros !== nonZeros)
    throw new CheckpointError({ expected: `the ${nonZeros} values that were counted`, got: `${mask.nonZeros}`, where });
  const int8 = dtype === 'I8' ? toInt8(finiteFloats(stored, floats, where), rows, columns) : null;
  const values = compress(int8 ? new Uint8Array(int8.values.buffer) : weights, columns, mask);
  const parts = {
    shape: BigInt64Array.of(BigInt(rows), BigInt(columns)),
    compressed: values,
    bitmask: mask.bitmask,
    row_offsets: mask.rowOffsets,
    ...(int8 ? { scale: int8.scale } : {}),
  };
  return Object.entries(parts).map(([part, { buffer, byteOffset, byteLength }]) => ({
    name: `${layerOf(name)}.${part}`,
    bytes: new Uint8Array(buffer, byteOffset, byteLength),
  }));
}

/** Says in config.json what was done to which layers. */
async function writeConfig(
  source: Checkpoint,
  output: OutputFolder,
  plans: ReadonlyMap<string, Planned>,
  int8: boolean,
): Promise<void> {
  const all = [...plans];
  const inForm = (format: Form['format']) =>
    all.filter(([, { form }]) => form.format === format).map(([name]) => layerOf(name));
  const sum = (of: (shape: SparseShape) => number) =>
    all.reduce((s, [, { sparse }]) => s + of(sparse as SparseShape), 0);
  const weights = sum(({ rows, columns }) => rows * columns);
  const summary = {
    sparse: inForm('sparse'),
    dense: inForm('dense'),
    sparsity: 1 - sum(({ nonZeros }) => nonZeros) / weights,
    int8,
  };
  await output.writeFile('config.json', sparseConfig(await denseConfig(source.folder), summary));
}
