// Gram matrix of the inputs of a linear layer, XᵀX over the tokens: what a weight update solves with. It is symmetric:
// blocks on and above the diagonal are computed, and whoever computes one adds its mirror image too.

import { addProducts, PRODUCT_COLUMNS, PRODUCT_ROW, PRODUCT_TOKENS, products } from './products';

/**
 * gram[n, n] (f64) += x[T, n]ᵀ·x. A unit is a block of 64×64 on or above the diagonal, counted row by row, and its mirror
 * image. Scratch of a thread: PRODUCT_SCRATCH bytes.
 */
export function gram(
  x: usize, out: usize, n: i32, tokens: i32, scratch: usize, stride: usize, begin: i32, end: i32, thread: i32,
): void {
  let bytes = <usize>n << 2, bytesOut = <usize>n << 3, sums = scratch + stride * thread;
  let side = (n + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS;
  for (let unit = begin; unit < end; unit++) {
    let row = 0, column = unit;
    while (column >= side) column += ++row - side;
    let i = row * PRODUCT_COLUMNS, j = column * PRODUCT_COLUMNS;
    let height = min(n - i, PRODUCT_COLUMNS), width = min(n - j, PRODUCT_COLUMNS);
    let at = out + <usize>i * bytesOut + (<usize>j << 3), mirror = out + <usize>j * bytesOut + (<usize>i << 3);
    for (let t = 0; t < tokens; t += PRODUCT_TOKENS) {
      let xt = x + <usize>t * bytes, some = min(PRODUCT_TOKENS, tokens - t);
      products(xt + (<usize>i << 2), bytes, height, xt + (<usize>j << 2), bytes, width, some, sums, i == j);
      if (i == j) reflect(sums, height);
      else addMirrored(mirror, bytesOut, width, height, sums);
      addProducts(at, bytesOut, height, width, sums);
    }
  }
}

/** Copies what is above the diagonal of sums[n, n] to below it. */
function reflect(sums: usize, n: i32): void {
  for (let r = 1; r < n; r++) {
    let to = sums + <usize>r * PRODUCT_ROW, from = sums + (<usize>r << 2);
    for (let c = 0; c < r; c++) {
      store<f32>(to, load<f32>(from));
      to += 4;
      from += PRODUCT_ROW;
    }
  }
}

/** out[rows, columns] += sums[columns, rows]ᵀ, in f64, with rows of out `stride` bytes apart. */
function addMirrored(out: usize, stride: usize, rows: i32, columns: i32, sums: usize): void {
  for (let r = 0; r < rows; r++) {
    let to = out + <usize>r * stride, from = sums + (<usize>r << 2);
    for (let c = 0; c < columns; c++) {
      store<f64>(to, load<f64>(to) + <f64>load<f32>(from));
      to += 8;
      from += PRODUCT_ROW;
    }
  }
}
