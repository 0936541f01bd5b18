// Dense, sparse or by columns, of 32 bits, 16 or 8: the form in which a matrix is in memory while a model runs, and the choice of it.

import { UsageError } from '../errors.js';
import { quoted } from '../quoted.js';
import { stepBytes } from '../tensor/sparse-matrix.js';
import { patternsOf } from '../tensor/weights16.js';
import { countZeros } from '../tensor/zeros.js';

/** What a layer's form is chosen for: the time that it takes, or the memory. */
export const PREFERENCES = ['speed', 'size'] as const;
export type Preference = (typeof PREFERENCES)[number];

/** What the weights of matrices are in memory: the numbers of the checkpoint, or int8 with a scale for each row. */
export const WEIGHT_VALUES = ['stored', 'int8'] as const;
export type WeightValues = (typeof WEIGHT_VALUES)[number];

/** A matrix in memory: its values, and whether its zeros are left out. */
export interface Form {
  values: 'f32' | 'bf16' | 'f16' | 'int8';
  sparse: boolean;
  /** Where it is dense and held by columns: those that meet a 0 of the input are not read. */
  columns?: true;
}

/** What the choice of forms goes by. */
export interface FormOptions {
  prefer: Preference;
  values: WeightValues;
}

/** The same as callers give it. */
export interface FormChoice {
  /** What decides in which form a pruned layer is in memory; speed. */
  prefer?: Preference | undefined;
  /** What weights are in memory: the numbers of the checkpoint, or int8, which rounds them (docs/running.md); stored. */
  values?: WeightValues | undefined;
}

/**
 * The options with their defaults.
 * @throws UsageError for values that there are not.
 */
export function filledFormOptions({ prefer = 'speed', values = 'stored' }: FormChoice): FormOptions {
  if (!PREFERENCES.includes(prefer))
    throw new UsageError(`expected prefer to be one of ${PREFERENCES.join(', ')}, got ${quoted(prefer)}`);
  if (!WEIGHT_VALUES.includes(values))
    throw new UsageError(`expected values to be one of ${WEIGHT_VALUES.join(', ')}, got ${quoted(values)}`);
  return { prefer, values };
}

/** A linear layer of a block in memory. */
export interface LayerForm extends Form {
  block: number;
  /** Name inside the block, without ".weight". */
  name: string;
  /** Share of its weights that are 0. */
  sparsity: number;
}

/**
 * Share of zeros from which a sparse matrix is the faster form, by the values of the dense one: for many tokens, and (a
 * little later) against f32 for one where the layer comes from memory. `npm run bench -- sparse` measures where that is.
 */
export const FASTER_FROM = { f32: 0.5, bf16: 0.55, f16: 0.55, int8: 0.8 } as const;

/**
 * The same for a layer fed by a relu, which is otherwise held by columns. Where nine of ten inputs are 0, for one
 * token it is about 95 %, for a few 90 %, for a long prompt less (`npm run bench -- columns`).
 */
export const FASTER_THAN_COLUMNS_FROM = 0.9;

/** Bytes of a value. */
const BYTES = { f32: 4, bf16: 2, f16: 2, int8: 1 } as const;
/** Weights of a row whose entries a sparse matrix has a byte to count. */
const COUNTED = 128;

/**
 * Dense; of stored values in the dtype of the checkpoint where that has 16 bits, else in f32, so that nothing is rounded.
 * @param dtype in the checkpoint
 * @param relu whether the input is that of a relu: then stored values are held by columns
 */
export function denseForm(dtype: string, values: WeightValues, relu = false): Form {
  if (values === 'int8') return { values, sparse: false };
  const stored = dtype === 'BF16' ? 'bf16' : dtype === 'F16' ? 'f16' : 'f32';
  return { values: stored, sparse: false, ...(relu && { columns: true }) };
}

/**
 * The form that the weights of a linear layer had better have. The entries of a sparse matrix of stored values are bf16 where
 * the checkpoint has that, else f32.
 * @param dtype of the layer in the checkpoint
 * @param relu whether its input is that of a relu
 */
export function formOf(
  { zeros, weights }: ZeroCount,
  dtype: string,
  { prefer, values }: FormOptions,
  relu = false,
): Form {
  const dense = denseForm(dtype, values, relu);
  const kept = dense.values === 'f16' ? 'f32' : dense.values;
  const share = (weights - zeros) / weights;
  const smaller = formBytes({ values: kept, sparse: true }, { zeros, weights }) < formBytes(dense, { zeros, weights });
  const faster = share + (dense.columns ? FASTER_THAN_COLUMNS_FROM : FASTER_FROM[dense.values]) <= 1;
  return (prefer === 'speed' ? faster : smaller) ? { values: kept, sparse: true } : dense;
}

/** The form that weights have where they were meant to have this one: what f16 cannot hold exactly, 1024 times, is f32. */
export function formHeld(form: Form, weights: Float32Array): Form {
  const fits = form.values !== 'f16' || patternsOf('f16', weights) !== null;
  return fits ? form : { ...form, values: 'f32' };
}

/**
 * Bytes that a matrix takes in the memory of the wasm backend, but for what is per row, and for entries that fill up rows and
 * long ways between others: one or two in a hundred where a quarter of the weights is left and spread evenly, some where a
 * tenth is, most of them where a thousandth is.
 */
export function formBytes({ values, sparse }: Form, { zeros, weights }: ZeroCount): number {
  const entries = weights - zeros;
  if (!sparse) return BYTES[values] * weights;
  return Math.ceil((BYTES[values] + stepBytes(entries, weights)) * entries + weights / COUNTED);
}

/** How many weights a matrix has, and how many are 0. */
export interface ZeroCount {
  weights: number;
  zeros: number;
}

/** Counts values: numbers, or patterns of 16 bits. */
export const zerosOf = (values: Float32Array | Uint16Array): ZeroCount => ({
  weights: values.length,
  zeros: countZeros(values),
});
