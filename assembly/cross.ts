// Cross matrix of two inputs over the same tokens, aᵀ·b: what the dense model's inputs have to do with the pruned one's.

import { addProducts, PRODUCT_COLUMNS, PRODUCT_TOKENS, products } from './products';

/**
 * out[m, n] (f64) += a[T, m]ᵀ·b[T, n]. A unit is a block of 64×64 of out, counted row by row. Scratch of a thread:
 * PRODUCT_SCRATCH bytes.
 */
export function cross(
  a: usize, b: usize, out: usize, m: i32, n: i32, tokens: i32, scratch: usize, stride: usize, begin: i32, end: i32,
  thread: i32,
): void {
  let bytesA = <usize>m << 2, bytesB = <usize>n << 2, sums = scratch + stride * thread;
  let across = (n + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS;
  for (let unit = begin; unit < end; unit++) {
    let i = unit / across * PRODUCT_COLUMNS, j = unit % across * PRODUCT_COLUMNS;
    let height = min(m - i, PRODUCT_COLUMNS), width = min(n - j, PRODUCT_COLUMNS);
    let at = out + (<usize>i * <usize>n + <usize>j << 3);
    for (let t = 0; t < tokens; t += PRODUCT_TOKENS) {
      let left = a + <usize>t * bytesA + (<usize>i << 2), right = b + <usize>t * bytesB + (<usize>j << 2);
      products(left, bytesA, height, right, bytesB, width, min(PRODUCT_TOKENS, tokens - t), sums, false);
      addProducts(at, <usize>n << 3, height, width, sums);
    }
  }
}
