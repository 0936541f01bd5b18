// Products of the columns of two matrices, aᵀ·b over their rows (tokens): the inner loop of Gram and cross matrices. A
// block of 64 columns of a meets one of b; both are packed, some tokens at a time, into panels of 8 columns, so that the
// tile reads memory in order whatever the width of the matrices. Every entry is one chain of additions in f32 over these
// tokens, and the chains are added in f64: methods solve with these matrices, and an inverse magnifies what is lost here.

import { madd } from './lanes';

/** Columns of a block. */
export const PRODUCT_COLUMNS: i32 = 64;

/** Tokens of a chain; panels of a power of two would begin in the same sets of the cache. */
export const PRODUCT_TOKENS: i32 = 120;
const PANEL: usize = <usize>PRODUCT_TOKENS << 5;
const BLOCK: usize = PANEL * <usize>(PRODUCT_COLUMNS >> 3);

/** Bytes between rows of `products`. */
export const PRODUCT_ROW: usize = <usize>PRODUCT_COLUMNS << 2;

/** Scratch of a thread in bytes: the products, then a block of either matrix. */
export const PRODUCT_SCRATCH: i32 = <i32>(PRODUCT_ROW * <usize>PRODUCT_COLUMNS + 2 * BLOCK);

/**
 * The products of m ≤ 64 columns of a with n ≤ 64 of b over T ≤ 120 tokens, strides in bytes, into scratch[64, 64]. Where
 * `symmetric`, a and b are the same columns, and only the entries on and above the diagonal are sure to be there.
 */
export function products(
  a: usize, strideA: usize, m: i32, b: usize, strideB: usize, n: i32, tokens: i32, scratch: usize, symmetric: bool,
): void {
  let left = scratch + PRODUCT_ROW * <usize>PRODUCT_COLUMNS, right = symmetric ? left : left + BLOCK;
  pack(a, strideA, m, tokens, left);
  if (!symmetric) pack(b, strideB, n, tokens, right);
  for (let j = 0; j < n; j += 8)
    for (let i = 0, last = symmetric ? min(m, j + 8) : m; i < last; i += 4)
      tile4x8(
        left + <usize>(i >> 3) * PANEL + (<usize>(i & 4) << 2), right + <usize>(j >> 3) * PANEL, tokens,
        scratch + <usize>i * PRODUCT_ROW + (<usize>j << 2),
      );
}

/** Columns of some tokens into panels of 8, the last filled up with zeros. */
function pack(from: usize, stride: usize, columns: i32, tokens: i32, to: usize): void {
  let whole = columns >> 3, rest = columns & 7;
  for (let t = 0; t < tokens; t++) {
    let at = from, panel = to;
    for (let p = 0; p < whole; p++) {
      v128.store(panel, v128.load(at));
      v128.store(panel, v128.load(at, 16), 16);
      at += 32;
      panel += PANEL;
    }
    if (rest)
      for (let i = 0; i < 8; i++, at += 4, panel += 4) store<f32>(panel, i < rest ? load<f32>(at) : 0);
    from += stride;
    to += 32;
  }
}

/** products[4, 8] of 4 columns of a left panel and the 8 of a right one. */
function tile4x8(left: usize, right: usize, tokens: i32, sums: usize): void {
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  for (let end = right + (<usize>tokens << 5); right < end; right += 32) {
    let u = v128.load(right), v = v128.load(right, 16);
    let s = v128.load32_splat(left);
    a0 = madd(s, u, a0); a1 = madd(s, v, a1); s = v128.load32_splat(left, 4);
    b0 = madd(s, u, b0); b1 = madd(s, v, b1); s = v128.load32_splat(left, 8);
    c0 = madd(s, u, c0); c1 = madd(s, v, c1); s = v128.load32_splat(left, 12);
    d0 = madd(s, u, d0); d1 = madd(s, v, d1);
    left += 32;
  }
  v128.store(sums, a0); v128.store(sums, a1, 16);
  v128.store(sums + PRODUCT_ROW, b0); v128.store(sums + PRODUCT_ROW, b1, 16);
  v128.store(sums + 2 * PRODUCT_ROW, c0); v128.store(sums + 2 * PRODUCT_ROW, c1, 16);
  v128.store(sums + 3 * PRODUCT_ROW, d0); v128.store(sums + 3 * PRODUCT_ROW, d1, 16);
}

/** out[rows, columns] += products, in f64, with rows of out `stride` bytes apart. */
export function addProducts(out: usize, stride: usize, rows: i32, columns: i32, sums: usize): void {
  let bytes = <usize>columns << 2, bytes4 = bytes & ~15;
  for (let r = 0; r < rows; r++) {
    let i: usize = 0, to = out;
    for (; i < bytes4; i += 16, to += 32) {
      let v = v128.load(sums + i);
      v128.store(to, f64x2.add(v128.load(to), f64x2.promote_low_f32x4(v)));
      v = v128.shuffle<f64>(v, v, 1, 1);
      v128.store(to, f64x2.add(v128.load(to, 16), f64x2.promote_low_f32x4(v)), 16);
    }
    for (; i < bytes; i += 4, to += 8) store<f64>(to, load<f64>(to) + <f64>load<f32>(sums + i));
    out += stride;
    sums += PRODUCT_ROW;
  }
}
