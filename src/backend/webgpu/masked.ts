// Sparse matrices of a mask and its values: rows are made dense on the CPU, some at a time, and on the GPU all of them are for
// the moment that it takes to make the matrix.

import { type Bitmask, maskOfRows, spread } from '../../tensor/bitmask.js';
import { widenBF16 } from '../../tensor/half.js';
import { SparseMatrix, type SparseValues } from '../../tensor/sparse-matrix.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { ValuesOfRows } from '../backend.js';
import { checkMaskedValues } from '../shapes.js';
import type { Gpu } from './gpu.js';
import { compress } from './sparse.js';

/** Elements of a stretch of rows. */
const STRETCH = 1 << 20;

/** As `Backend.compressMasked`. */
export function compressMasked<V extends SparseValues>(
  gpu: Gpu,
  mask: Bitmask,
  values: V,
  valuesOf: ValuesOfRows<V>,
  scale: Tensor<'f32'> | null,
): SparseMatrix {
  const { rows, columns } = mask;
  const dense = gpu.memory.allocate('f32', [rows, columns], `a sparse matrix of ${rows}×${columns}`);
  try {
    const step = Math.min(rows, Math.max(4, Math.floor(STRETCH / columns / 4) * 4));
    const stretch = new Float32Array(step * columns);
    for (let first = 0; first < rows; first += step) {
      const end = Math.min(rows, first + step);
      const given = valuesOf(first, end);
      checkMaskedValues(mask, first, end, given);
      const numbers = Float32Array.from(given);
      if (given instanceof Uint16Array) widenBF16(given, numbers);
      const out = stretch.subarray(0, (end - first) * columns).fill(0);
      spread(maskOfRows(mask, first, end), columns, numbers, out);
      gpu.recorder.write(gpu.memory.of(dense), 4 * first * columns, out);
    }
    // Whole numbers of int8 are kept as bf16, which holds them.
    const { storage } = compress(gpu, dense, values === 'f32' ? 'f32' : 'bf16', null);
    return new SparseMatrix(storage, values, scale, rows, columns);
  } finally {
    gpu.memory.free(dense);
  }
}
