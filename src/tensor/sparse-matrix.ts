// A matrix whose zeros take no space and no time, as a linear layer's weight. What lies in its storage is the backend's
// affair; it is made by one (`Backend.compress`) and freed by it, and views of rows share it.

import { BackendError } from '../errors.js';
import type { Storage, Tensor } from './tensor.js';

/** How the values that are not zero are kept: as they are, or rounded to the nearest bf16. */
export const SPARSE_VALUES = ['f32', 'bf16'] as const;
export type SparseValues = (typeof SPARSE_VALUES)[number];

/** A matrix with all its entries: the weight of a linear layer, or a table of embeddings. */
export type DenseMatrix = Tensor<'f32'> | Tensor<'bf16'> | Tensor<'f16'>;

/** The weight of a linear layer, in any form. */
export type Matrix = DenseMatrix | SparseMatrix;

export class SparseMatrix {
  constructor(
    readonly storage: Storage,
    readonly values: SparseValues,
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
    return new SparseMatrix(this.storage, this.values, this.storedRows, this.columns, this.first + begin, end - begin);
  }
}
