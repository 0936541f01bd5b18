// Gram matrix of the inputs of a linear layer, XᵀX over the tokens: what a weight update solves with.

import { madd } from './lanes';

/** Rows of a unit; a tile is as high. */
export const GRAM_ROWS: i32 = 4;

/** gram[n, n] += x[T, n]ᵀ·x. A unit is 4 rows of gram. */
export function gram(x: usize, out: usize, n: i32, tokens: i32, begin: i32, end: i32): void {
  let stride = <usize>n << 2;
  for (let unit = begin; unit < end; unit++) {
    let i = unit * GRAM_ROWS;
    if (i + GRAM_ROWS <= n) {
      let j = 0;
      for (; j + 8 <= n; j += 8) tile4x8(x, out + <usize>i * stride + (<usize>j << 2), i, j, stride, tokens);
      for (; j < n; j++) for (let r = i; r < i + GRAM_ROWS; r++) single(x, out, r, j, stride, tokens);
    } else for (; i < n; i++) for (let j = 0; j < n; j++) single(x, out, i, j, stride, tokens);
  }
}

function tile4x8(x: usize, out: usize, i: i32, j: i32, stride: usize, tokens: i32): void {
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  let left = x + (<usize>i << 2), right = x + (<usize>j << 2);
  for (let t = 0; t < tokens; t++) {
    let u = v128.load(right), v = v128.load(right, 16);
    let s = v128.load32_splat(left);
    a0 = madd(s, u, a0); a1 = madd(s, v, a1); s = v128.load32_splat(left, 4);
    b0 = madd(s, u, b0); b1 = madd(s, v, b1); s = v128.load32_splat(left, 8);
    c0 = madd(s, u, c0); c1 = madd(s, v, c1); s = v128.load32_splat(left, 12);
    d0 = madd(s, u, d0); d1 = madd(s, v, d1);
    left += stride; right += stride;
  }
  add8(out, a0, a1);
  add8(out + stride, b0, b1);
  add8(out + 2 * stride, c0, c1);
  add8(out + 3 * stride, d0, d1);
}

function add8(at: usize, low: v128, high: v128): void {
  v128.store(at, f32x4.add(v128.load(at), low));
  v128.store(at, f32x4.add(v128.load(at, 16), high), 16);
}

/** One entry. */
function single(x: usize, out: usize, i: i32, j: i32, stride: usize, tokens: i32): void {
  let total: f32 = 0, at = x;
  for (let t = 0; t < tokens; t++) {
    total += load<f32>(at + (<usize>i << 2)) * load<f32>(at + (<usize>j << 2));
    at += stride;
  }
  let to = out + <usize>i * stride + (<usize>j << 2);
  store<f32>(to, load<f32>(to) + total);
}
