// The phases of an inverse: the matrix goes into a workspace in f64, is factored and inverted there a block of columns at a
// time, with the event loop running between blocks, and comes out in the form asked for. Matrices that fill an arena each
// are met in panels of rows, so that the workspace stays where it is. What each phase computes, and why the phases need no
// more than dot products of rows, stands in assembly/invert.ts.

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
/** Most bytes of a panel. */
const PANEL_BYTES = 16 * 2 ** 20;

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
  const elements = size * stride + INVERT_BLOCK ** 2 + 2;
  const workspace = runner.allocate('f64', [elements], `the workspace of invert, a matrix of ${n}×${n} f64`);
  const a = workspace.rows(0, size * stride);
  const diagonal = workspace.rows(size * stride, elements);
  const rowUnits = Math.ceil(size / INVERT_ROWS);
  try {
    for (const { from, to, rows } of panels(matrix, runner.reserve)) {
      await safePoint(signal);
      const units = (to === n ? size : to) - from;
      runner.run('invertLoad', units, n, a, [rows, a, n, size, stride * 8, ridge, Number(form === 'factor'), from]);
    }
    for (const { from, to } of blocks(size)) {
      await safePoint(signal);
      const width = (to - from) * INVERT_ROWS;
      if (from > 0) runner.run('invertUpdate', rowUnits, 2 * width * from, a, [a, size, stride * 8, from, to]);
      runner.run('invertDiagonal', 1, INVERT_BLOCK ** 3, a, [a, stride * 8, from, to, diagonal]);
      refuse(diagonal, n, form);
      runner.run('invertSolve', rowUnits, 2 * width * INVERT_BLOCK, a, [a, size, stride * 8, from, to, diagonal]);
    }
    if (form === 'whole')
      for (const { from, to } of blocks(size)) {
        await safePoint(signal);
        const work = 2 * (to - from) * INVERT_ROWS * (size - from);
        const scratch = INVERT_ROWS * INVERT_BLOCK * 8;
        const operands = [a, size, stride * 8, from, to, diagonal];
        runner.run('invertWhole', Math.ceil(to / INVERT_ROWS), work, a, operands, scratch);
        place(diagonal, a, stride, from, to);
      }
    for (const { from, to, rows } of panels(out, runner.reserve)) {
      await safePoint(signal);
      const units = Math.ceil((to - from) / INVERT_ROWS);
      const kernel = form === 'factor' ? 'invertFactor' : 'invertMirror';
      runner.run(kernel, units, INVERT_ROWS * n, rows, [a, rows, n, stride * 8, from, to - from]);
    }
  } finally {
    runner.free(workspace);
  }
}

/** [0, size) in blocks of INVERT_BLOCK. */
function* blocks(size: number) {
  for (let from = 0; from < size; from += INVERT_BLOCK) yield { from, to: Math.min(from + INVERT_BLOCK, size) };
}

/** The rows of matrix[n, n], some at a time: whole units where `most` bytes hold one. */
function* panels(matrix: Tensor<'f64'>, most: number) {
  const n = matrix.columns;
  const fit = Math.max(1, Math.floor(Math.min(PANEL_BYTES, most) / (n * 8)));
  const step = fit < INVERT_ROWS ? fit : fit - (fit % INVERT_ROWS);
  for (let from = 0; from < n; from += step) {
    const to = Math.min(from + step, n);
    yield { from, to, rows: matrix.reshape(n, n).rows(from, to) };
  }
}

/** Puts the diagonal block that `invertWhole` made into its place in the workspace. */
function place(diagonal: Tensor<'f64'>, a: Tensor<'f64'>, stride: number, from: number, to: number): void {
  const [block, values] = [floats(diagonal), floats(a)];
  for (let r = 0; r < to - from; r++) {
    const at = r * INVERT_BLOCK;
    values.set(block.subarray(at, at + to - from), (from + r) * stride + from);
  }
}

/** Throws where `invertDiagonal` met a pivot that is no positive number; a factor begins in the last row. */
function refuse(diagonal: Tensor<'f64'>, n: number, form: InverseForm): void {
  const [row, pivot] = floats(diagonal).subarray(INVERT_BLOCK ** 2);
  if (row < 0) return;
  throw new BackendError({
    expected: 'a positive definite matrix',
    got: `pivot ${pivot}`,
    where: `row ${form === 'factor' ? n - 1 - row : row}`,
  });
}

function floats(tensor: Tensor<'f64'>): Float64Array {
  const { buffer, byteOffset } = viewOf(tensor);
  return new Float64Array(buffer, byteOffset, tensor.size);
}
