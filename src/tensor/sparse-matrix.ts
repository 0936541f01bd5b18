// A matrix whose zeros take no space and no time, as a linear layer's weight. What lies in its storage is the backend's
// affair; it is made by one (`Backend.compress`) and freed by it, and views of rows share it.

import { BackendError } from '../errors.js';
import type { ColumnMatrix } from './column-matrix.js';
import type { Int8Matrix } from './int8-matrix.js';
import type { Storage, Tensor } from './tensor.js';

/** How the values that are not zero are kept: as they are, rounded to the nearest bf16, or as int8 with a scale for each row. */
export const SPARSE_VALUES = ['f32', 'bf16', 'int8'] as const;
export type SparseValues = (typeof SPARSE_VALUES)[number];

/** Weights of a matrix whose steps may be short; a smaller one takes little memory, and longer where they have to be unpacked. */
const MANY = 1 << 18;

/**
 * Bytes of the step from an entry to the next, as the wasm backend keeps it: half a one, for ways of up to 15 columns, where at
 * least a quarter of many weights is not 0. Few ways are longer then: 1 in 75 where that quarter is spread evenly; were it
 * all in one place, a fifth more entries would cut the others.
 * @param kept weights that are not 0
 */
export const stepBytes = (kept: number, weights: number): 0.5 | 1 => (weights >= MANY && 4 * kept >= weights ? 0.5 : 1);

/** A matrix with all its entries, each as it is. */
export type DenseMatrix = Tensor<'f32'> | Tensor<'bf16'> | Tensor<'f16'>;

/** A matrix of which rows are read: embeddings. */
export type Table = DenseMatrix | Int8Matrix;

/** The weight of a linear layer, in any form. */
export type Matrix = Table | SparseMatrix | ColumnMatrix;

export class SparseMatrix {
  constructor(
    readonly storage: Storage,
    readonly values: SparseValues,
    /** Of its rows, where values are int8; freed with it. */
    readonly scale: Tensor<'f32'> | null,
    /** Rows of the matrix in the storage, of which these are [first, first + rowCount). */
    readonly storedRows: number,
    readonly columns: number,
    readonly first = 0,
    readonly rowCount = storedRows,
  ) {}

  /** Rows [begin, end), sharing storage. */
  rows(begin: number, end: number): SparseMatrix {
    if (!(begin >= 0 && begin <= end && end <= this.rowCount))
      throw new BackendError({
        expected: `rows within 0..${this.rowCount}`,
        got: `${begin}..${end}`,
        where: 'SparseMatrix.rows',
      });
    const scale = this.scale?.rows(begin, end) ?? null;
    const { storage, values, storedRows, columns, first } = this;
    return new SparseMatrix(storage, values, scale, storedRows, columns, first + begin, end - begin);
  }
}
