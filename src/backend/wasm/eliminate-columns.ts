// A block of columns of SparseGPT: which scores go, where that is one question for all rows, and then the elimination, a
// few rows a unit (assembly/eliminateColumns.ts).

import type { Tensor } from '../../tensor/tensor.js';
import type { BlockSelection } from '../backend.js';
import { columnThreshold } from './column-threshold.js';
import { viewOf } from './memory.js';
import type { KernelRunner } from './runner.js';
import { ELIMINATE_COLUMNS, ELIMINATE_ROWS } from './units.js';

/** Eliminates columns [from, to) of weight[rows, n], in place, with factor[n, n]. */
export function eliminateColumns(
  runner: KernelRunner,
  weight: Tensor<'f32'>,
  factor: Tensor<'f32'>,
  from: number,
  to: number,
  selection: BlockSelection,
): void {
  if (selection.kind === 'count' && selection.prune === 0) return;
  const { rowCount: rows, columns } = weight;
  const width = to - from;
  const padded = Math.ceil(width / 4) * 4;
  const triangle = runner.allocate('f32', [width + 2, padded]);
  let scores: Tensor<'i32'> | null = null;
  try {
    floats(triangle).set(triangleOf(floats(factor), columns, from, width, padded));
    let [threshold, last, n, m] = [0, 0, 0, 0];
    if (selection.kind === 'n:m') ({ n, m } = selection);
    else {
      scores = runner.allocate('i32', [rows, padded]);
      const squares = triangle.rows(width + 1, width + 2);
      runner.run('scoreColumns', rows, 4 * width, scores, [weight, squares, scores, columns, from, to]);
      ({ threshold, last } = columnThreshold(runner, scores, selection));
    }
    const work = ELIMINATE_ROWS * width * (columns - to + width);
    const scratch = 4 * (width * (ELIMINATE_ROWS + ELIMINATE_COLUMNS) + 2 * padded) + 128;
    const operands = [weight, factor, triangle, scores, rows, columns, from, to, threshold, last, n, m];
    runner.run('eliminateColumns', Math.ceil(rows / ELIMINATE_ROWS), work, weight, operands, scratch);
  } finally {
    runner.free(triangle);
    if (scores) runner.free(scores);
  }
}

/** [width + 2, padded]: the block of the factor above its diagonal and 0 elsewhere, then its diagonal, then the squares of that. */
function triangleOf(factor: Float32Array, columns: number, from: number, width: number, padded: number): Float32Array {
  const triangle = new Float32Array((width + 2) * padded);
  const [diagonal, squares] = [width * padded, (width + 1) * padded];
  for (let c = 0; c < width; c++) {
    const at = (from + c) * columns + from;
    triangle.set(factor.subarray(at + c + 1, at + width), c * padded + c + 1);
    triangle[diagonal + c] = factor[at + c];
    triangle[squares + c] = factor[at + c] ** 2;
  }
  return triangle;
}

function floats(tensor: Tensor<'f32'>): Float32Array {
  const { buffer, byteOffset } = viewOf(tensor);
  return new Float32Array(buffer, byteOffset, tensor.size);
}
