// The tensors that stand for one sparse weight, as compressed-tensors laid them out under the name "sparse-bitmask": the
// values that are not zero, row after row, and a bit for each weight that says which ones they are. docs/sparse-files.md
// describes it in full; the dtype I8 and its scales are ours.

import { maskStride } from '../../tensor/bitmask.js';
import type { FloatDtype } from '../float-dtype.js';
import type { NewTensor } from '../safetensors-layout.js';
import { sizeOf, valueBytes } from '../stored-dtype.js';

/** What the linear layers of a folder's blocks are stored as. */
export const formats = ['dense', 'sparse'] as const;
export type Format = (typeof formats)[number];

/** What values are stored as: floats, or int8 with a scale for each row. */
export type ValueDtype = FloatDtype | 'I8';

/** A sparse weight [rows, columns] of which `nonZeros` values are stored. */
export interface SparseShape {
  rows: number;
  columns: number;
  nonZeros: number;
  dtype: ValueDtype;
}

/** The tensors that stand for `LAYER.weight`. */
export function partsOf(layer: string, { rows, columns, nonZeros, dtype }: SparseShape): NewTensor[] {
  const parts: NewTensor[] = [
    { name: `${layer}.shape`, dtype: 'I64', shape: [2] },
    { name: `${layer}.compressed`, dtype, shape: [nonZeros] },
    { name: `${layer}.bitmask`, dtype: 'U8', shape: [rows, maskStride(columns)] },
    { name: `${layer}.row_offsets`, dtype: 'I64', shape: [rows] },
  ];
  return dtype === 'I8' ? [...parts, { name: `${layer}.scale`, dtype: 'F32', shape: [rows] }] : parts;
}

/** Bytes of all parts together. */
export function sparseBytes(shape: SparseShape): number {
  return partsOf('', shape).reduce((sum, part) => sum + valueBytes[part.dtype] * sizeOf(part.shape), 0);
}
