// The phases of an inverse: the matrix goes into a workspace in f64, is factored and inverted there a block of columns at a
// time, with the event loop running between blocks, and comes out in the form asked for. What each phase computes, and
// why the phases need no more than dot products of rows, stands in assembly/invert.ts.

import { BackendError } from '../../errors.js';
import { safePoint } from '../../progress.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { InverseForm } from '../backend.js';
import { viewOf } from './memory.js';
import type { KernelRunner } from './runner.js';
import { INVERT_BLOCK, INVERT_ROWS } from './units.js';

/** Rows and columns of the workspace come in whole tiles. */
const TILE = 4;
/** f64 in a cache line. */
const LINE = 8;

/** out[n, n] = (matrix[n, n] + ridge·I)⁻¹ in the form asked for; out may be matrix. */
export async function invert(
  runner: KernelRunner,
  out: Tensor<'f64'>,
  matrix: Tensor<'f64'>,
  ridge: number,
  form: InverseForm,
  signal?: AbortSignal,
): Promise<void> {
  const n = matrix.columns;
  const size = Math.ceil(n / TILE) * TILE;
  // An odd number of cache lines: at a power of two, the rows of a tile would share one place of the cache.
  const stride = (Math.ceil(size / LINE) | 1) * LINE;
  const workspace = runner.allocate('f64', [size * stride + INVERT_BLOCK ** 2 + 2]);
  const a = workspace.rows(0, size * stride);
  const diagonal = workspace.rows(size * stride, workspace.size);
  const rowUnits = Math.ceil(size / INVERT_ROWS);
  try {
    runner.run('invertLoad', size, n, a, [matrix, a, n, size, stride * 8, ridge, form === 'factor' ? 1 : 0]);
    for (let from = 0; from < size; from += INVERT_BLOCK) {
      await safePoint(signal);
      const to = Math.min(from + INVERT_BLOCK, size);
      const width = (to - from) * INVERT_ROWS;
      if (from > 0) runner.run('invertUpdate', rowUnits, 2 * width * from, a, [a, size, stride * 8, from, to]);
      runner.run('invertDiagonal', 1, INVERT_BLOCK ** 3, a, [a, stride * 8, from, to, diagonal]);
      refuse(diagonal, n, form);
      runner.run('invertSolve', rowUnits, 2 * width * INVERT_BLOCK, a, [a, size, stride * 8, from, to, diagonal]);
    }
    if (form === 'factor') {
      runner.run('invertFactor', Math.ceil(n / INVERT_ROWS), INVERT_ROWS * n, out, [a, out, n, stride * 8]);
      return;
    }
    for (let from = 0; from < size; from += INVERT_BLOCK) {
      await safePoint(signal);
      const to = Math.min(from + INVERT_BLOCK, size);
      const work = 2 * (to - from) * INVERT_ROWS * (size - from);
      const scratch = INVERT_ROWS * INVERT_BLOCK * 8;
      const operands = [a, out, n, size, stride * 8, from, to];
      runner.run('invertWhole', Math.ceil(to / INVERT_ROWS), work, out, operands, scratch);
    }
  } finally {
    runner.free(workspace);
  }
}

/** Throws where `invertDiagonal` met a pivot that is no positive number; a factor begins in the last row. */
function refuse(diagonal: Tensor<'f64'>, n: number, form: InverseForm): void {
  const { buffer, byteOffset } = viewOf(diagonal.rows(INVERT_BLOCK ** 2, INVERT_BLOCK ** 2 + 2));
  const [row, pivot] = new Float64Array(buffer, byteOffset, 2);
  if (row < 0) return;
  throw new BackendError({
    expected: 'a positive definite matrix',
    got: `pivot ${pivot}`,
    where: `row ${form === 'factor' ? n - 1 - row : row}`,
  });
}
