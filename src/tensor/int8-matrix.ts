// A matrix of int8 with a scale for each row, as the weight of a linear layer or a table of embeddings: entry (r, c) is
// values[r, c] · scale[r] (int8.ts makes them of f32).

import type { Tensor } from './tensor.js';

export class Int8Matrix {
  constructor(
    /** [rows, columns], in −127..127. */
    readonly values: Tensor<'i8'>,
    /** [rows]. */
    readonly scale: Tensor<'f32'>,
  ) {}

  get rowCount(): number {
    return this.values.rowCount;
  }

  get columns(): number {
    return this.values.columns;
  }

  /** Rows [begin, end), sharing storage. */
  rows(begin: number, end: number): Int8Matrix {
    return new Int8Matrix(this.values.rows(begin, end), this.scale.rows(begin, end));
  }
}
