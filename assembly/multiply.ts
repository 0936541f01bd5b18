// Product of a matrix with the rows of another, in f64: a step of an iteration whose small differences decide.

import { ADD, dots2x4, SET } from './dots64';

/** A unit is MULTIPLY_ROWS rows of the matrix with MULTIPLY_LEFT rows of x. */
export const MULTIPLY_ROWS: i32 = 32;
export const MULTIPLY_LEFT: i32 = 64;
/** f64 along k at a time: the matrix's part stays in the second cache. */
const DEPTH: i32 = 512;

/**
 * y[m, rows] = x[m, n]·matrix[rows, n]ᵀ. Units: blocks of the matrix vary fastest, ⌈rows/32⌉ of them for each of ⌈m/64⌉ of x.
 */
export function multiply(
  x: usize, matrix: usize, y: usize, n: i32, rows: i32, m: i32, begin: i32, end: i32,
): void {
  let stride = <usize>n << 3, strideY = <usize>rows << 3, blocks = (rows + MULTIPLY_ROWS - 1) / MULTIPLY_ROWS;
  for (let unit = begin; unit < end; unit++) {
    let r0 = (unit % blocks) * MULTIPLY_ROWS, r1 = min(r0 + MULTIPLY_ROWS, rows);
    let i0 = (unit / blocks) * MULTIPLY_LEFT, i1 = min(i0 + MULTIPLY_LEFT, m);
    let r4 = r0 + ((r1 - r0) & ~3), i2 = i0 + ((i1 - i0) & ~1), even = n & ~1;
    for (let k = 0; k < even; k += DEPTH) {
      let depth = min(DEPTH, even - k), mode = k ? ADD : SET, at = <usize>k << 3;
      for (let r = r0; r < r4; r += 4)
        for (let i = i0; i < i2; i += 2)
          dots2x4(
            x + <usize>i * stride + at, stride, matrix + <usize>r * stride + at, stride, depth,
            y + <usize>i * strideY + (<usize>r << 3), strideY, mode,
          );
    }
    // What is left of the tiles: a last column, the last rows of the matrix, the last row of x.
    for (let i = i0; i < i1; i++)
      for (let r = r0; r < r1; r++) {
        let isTile = i < i2 && r < r4;
        if (isTile && even == n) continue;
        let to = y + <usize>i * strideY + (<usize>r << 3), sum = isTile && even > 0 ? load<f64>(to) : 0;
        let xi = x + <usize>i * stride, w = matrix + <usize>r * stride;
        for (let k = isTile ? <usize>even << 3 : 0; k < stride; k += 8) sum += load<f64>(xi + k) * load<f64>(w + k);
        store<f64>(to, sum);
      }
  }
}
