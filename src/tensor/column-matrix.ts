// A matrix held by columns, as the weight of a linear layer whose input is mostly 0 (that of a relu): entry (r, c) is
// values[c, r], and the columns that meet a 0 are not read.

import { BackendError } from '../errors.js';
import type { DenseMatrix } from './sparse-matrix.js';

export class ColumnMatrix {
  constructor(
    /** [columns, rows]. */
    readonly values: DenseMatrix,
  ) {}

  get rowCount(): number {
    return this.values.columns;
  }

  get columns(): number {
    return this.values.rowCount;
  }

  /** All rows: some of them do not lie together. */
  rows(begin: number, end: number): ColumnMatrix {
    if (begin === 0 && end === this.rowCount) return this;
    throw new BackendError({
      expected: `all rows, 0..${this.rowCount}`,
      got: `${begin}..${end}`,
      where: 'ColumnMatrix.rows',
    });
  }
}
