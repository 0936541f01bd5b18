// Gram matrix of the inputs of a linear layer, XᵀX over the tokens: what a weight update solves with. It is symmetric:
// blocks on and above the diagonal are computed, and whoever computes one adds its mirror image too.

import { addProducts, PRODUCT_COLUMNS, PRODUCT_ROW, products } from './products';

/**
 * gram[n, n] += x[T, n]ᵀ·x. A unit is a block of 64×64 on or above the diagonal, counted row by row, and its mirror
 * image. Scratch of a thread: PRODUCT_SCRATCH bytes.
 */
export function gram(
  x: usize, out: usize, n: i32, tokens: i32, scratch: usize, stride: usize, begin: i32, end: i32, thread: i32,
): void {
  let bytes = <usize>n << 2, sums = scratch + stride * thread, side = (n + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS;
  for (let unit = begin; unit < end; unit++) {
    let row = 0, column = unit;
    while (column >= side) column += ++row - side;
    let i = row * PRODUCT_COLUMNS, j = column * PRODUCT_COLUMNS;
    let height = min(n - i, PRODUCT_COLUMNS), width = min(n - j, PRODUCT_COLUMNS);
    products(x + (<usize>i << 2), bytes, height, x + (<usize>j << 2), bytes, width, tokens, sums, i == j);
    if (i == j) reflect(sums, height);
    else addMirrored(out + <usize>j * bytes + (<usize>i << 2), bytes, width, height, sums);
    addProducts(out + <usize>i * bytes + (<usize>j << 2), bytes, height, width, sums);
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

/** out[rows, columns] += sums[columns, rows]ᵀ, with rows of out `stride` bytes apart. */
function addMirrored(out: usize, stride: usize, rows: i32, columns: i32, sums: usize): void {
  for (let r = 0; r < rows; r++) {
    let to = out + <usize>r * stride, from = sums + (<usize>r << 2);
    for (let c = 0; c < columns; c++) {
      store<f32>(to, load<f32>(to) + load<f32>(from));
      to += 4;
      from += PRODUCT_ROW;
    }
  }
}
