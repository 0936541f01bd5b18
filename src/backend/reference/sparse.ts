// Sparse matrices of the reference backend: dense ones, for a product with 0 is 0 wherever the oracle is asked.

import { BackendError } from '../../errors.js';
import { spread } from '../../tensor/bitmask.js';
import { ColumnMatrix } from '../../tensor/column-matrix.js';
import { narrowBF16, widenBF16 } from '../../tensor/half.js';
import { Int8Matrix } from '../../tensor/int8-matrix.js';
import { SparseMatrix } from '../../tensor/sparse-matrix.js';
import type { Storage, Tensor } from '../../tensor/tensor.js';
import type { Backend } from '../backend.js';
import { checkCompress, checkCompressMasked, checkMaskedValues } from '../shapes.js';
import { nearestEven } from './int8.js';
import { elements, memory } from './storage.js';

class ReferenceSparse implements Storage {
  readonly bytes: number;

  constructor(readonly dense: Tensor<'f32'>) {
    this.bytes = dense.storage.bytes;
  }
}

function allOf({ storage }: SparseMatrix): Tensor<'f32'> {
  if (storage instanceof ReferenceSparse) return storage.dense;
  throw new BackendError({ expected: 'a sparse matrix of the reference backend', got: 'one of another' });
}

/** The entries of a sparse matrix, as a dense tensor. */
export function denseOf(weight: SparseMatrix): Tensor<'f32'> {
  return allOf(weight).rows(weight.first, weight.first + weight.rowCount);
}

export const sparse: Pick<Backend, 'compress' | 'compressMasked' | 'free'> = {
  compress(weight, values, scale) {
    checkCompress(weight, values, scale);
    const dense = memory.allocate('f32', [weight.rowCount, weight.columns]);
    const kept = Float32Array.from(elements(weight));
    if (values === 'bf16') {
      const halves = new Uint16Array(kept.length);
      narrowBF16(kept, halves);
      widenBF16(halves, kept);
    }
    if (scale !== undefined) {
      const steps = elements(scale);
      for (const [i, w] of kept.entries()) {
        const step = steps[Math.floor(i / weight.columns)];
        kept[i] = w === 0 ? 0 : nearestEven(Math.fround(w / step)) * step;
      }
    }
    // Adding 0 makes a 0 of −0.
    elements(dense).set(kept.map((value) => value + 0));
    return new SparseMatrix(new ReferenceSparse(dense), values, scale ?? null, weight.rowCount, weight.columns);
  },

  compressMasked(mask, values, valuesOf, scale) {
    checkCompressMasked(mask, values, scale);
    const { rows, columns, bits } = mask;
    const given = valuesOf(0, rows);
    checkMaskedValues(mask, 0, rows, given);
    const numbers = Float32Array.from(given);
    if (given instanceof Uint16Array) widenBF16(given, numbers);
    const all = new Float32Array(rows * columns);
    spread(bits, columns, numbers, all);
    const steps = scale && elements(scale);
    if (steps) for (const [i, whole] of all.entries()) all[i] = whole * steps[Math.floor(i / columns)];
    const dense = memory.allocate('f32', [rows, columns]);
    elements(dense).set(all);
    return new SparseMatrix(new ReferenceSparse(dense), values, scale ?? null, rows, columns);
  },

  free(freed) {
    if (freed instanceof Int8Matrix) for (const part of [freed.values, freed.scale]) memory.free(part);
    else if (freed instanceof SparseMatrix) {
      memory.free(allOf(freed));
      if (freed.scale) memory.free(freed.scale);
    } else memory.free(freed instanceof ColumnMatrix ? freed.values : freed);
  },
};
