// Matrices by columns in the wasm backend: the columns at which a token is not 0 are listed, then only these are read
// (assembly/listColumns.ts, columnLinear.ts).

import type { ColumnMatrix } from '../../tensor/column-matrix.js';
import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import { WEIGHT_KINDS } from './kernels.js';
import type { KernelRunner } from './runner.js';
import { COLUMN_SCRATCH, LIST_ENTRY, LIST_HEAD } from './units.js';

/** Share of the products that is guessed to be left, where work is divided. */
const LEFT = 0.25;
/** Tokens whose lists are in memory together: a list is twice as long as its token. */
const LISTED_TOKENS = 256;
/** Most rows of a unit: their sums are in the first cache. */
const MOST_ROWS = 2048;
/** A part of the rows is a multiple of so many, which are lines of the cache. */
const LINES = 64;

/** y[T, rows] = x[T, columns] · weightᵀ (+ bias[rows]). */
export function columnLinear(
  runner: KernelRunner,
  y: Tensor<'f32'>,
  x: Tensor<'f32'>,
  { values, rowCount: rows, columns }: ColumnMatrix,
  bias: Tensor<'f32'> | null,
): void {
  const tokens = x.rowCount;
  const together = Math.min(tokens, LISTED_TOKENS);
  const lists = runner.allocate('i8', [together, LIST_HEAD + LIST_ENTRY * columns], 'the columns of tokens');
  try {
    for (let t = 0; t < tokens; t += LISTED_TOKENS) {
      const end = Math.min(t + LISTED_TOKENS, tokens);
      const [xs, ys] = [rowsOf(x, tokens, t, end), rowsOf(y, tokens, t, end)];
      const count = end - t;
      runner.run('listColumns', count, columns, lists, [xs, lists, columns]);
      // Fewer tokens than threads: each has a part of the rows.
      const parts = Math.max(Math.ceil(rows / MOST_ROWS), Math.ceil(runner.threads / count));
      const stretch = LINES * Math.ceil(rows / parts / LINES);
      const operands = [lists, values, bias, ys, columns, rows, count, WEIGHT_KINDS.indexOf(values.dtype), stretch];
      const work = LEFT * Math.min(rows, stretch) * columns;
      runner.run('columnLinear', Math.ceil(rows / stretch) * count, work, ys, operands, COLUMN_SCRATCH);
    }
  } finally {
    runner.free(lists);
  }
}
