// A matrix by columns, row by row.

import type { ColumnMatrix } from '../../tensor/column-matrix.js';
import { elements } from './storage.js';

/** Entries of a matrix by columns, row by row. */
export function rowsOf({ values, rowCount, columns }: ColumnMatrix): Float64Array {
  const held = elements(values);
  return Float64Array.from(held, (_, i) => held[(i % columns) * rowCount + Math.floor(i / columns)]);
}
