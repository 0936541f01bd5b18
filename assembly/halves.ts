// Weights of bf16, widened on the way: a bf16 is the upper half of an f32, so that an unpacking with zeros is all there is
// to do. For one token that happens in registers; for more, a few rows go through scratch memory and are read many times.

import { madd, sum, sums } from './lanes';
import { gathered, scatter } from './dots';

/** The first four of eight. */
// @ts-ignore: decorator
@inline
function low(v: v128): v128 {
  return v128.shuffle<u16>(i32x4.splat(0), v, 0, 8, 1, 9, 2, 10, 3, 11);
}

/** The other four. */
// @ts-ignore: decorator
@inline
function high(v: v128): v128 {
  return v128.shuffle<u16>(i32x4.splat(0), v, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** One number. */
// @ts-ignore: decorator
@inline
function one(at: usize): f32 {
  return reinterpret<f32>(<u32>load<u16>(at) << 16);
}

/** n numbers of bf16 as f32. */
export function widen(from: usize, to: usize, n: i32): void {
  let end8 = from + (<usize>(n & ~7) << 1), end = from + (<usize>n << 1);
  for (; from < end8; from += 16, to += 32) {
    let v = v128.load(from);
    v128.store(to, low(v));
    v128.store(to, high(v), 16);
  }
  for (; from < end; from += 2, to += 4) store<f32>(to, one(from));
}

/** dots4x1 of dots.ts on weights of bf16, with the same bits. */
export function halfDots4x1(
  x: usize, w: usize, strideW: usize, n: i32, y: usize, gap: usize, bias: usize, add: bool,
): void {
  let w0 = w, w1 = w + strideW, w2 = w1 + strideW, w3 = w2 + strideW;
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  let end = x + (<usize>(n & ~7) << 2);
  while (x < end) {
    let u = v128.load(x), v = v128.load(x, 16), h = v128.load(w0);
    a0 = madd(v, high(h), madd(u, low(h), a0)); h = v128.load(w1);
    a1 = madd(v, high(h), madd(u, low(h), a1)); h = v128.load(w2);
    a2 = madd(v, high(h), madd(u, low(h), a2)); h = v128.load(w3);
    a3 = madd(v, high(h), madd(u, low(h), a3));
    x += 32; w0 += 16; w1 += 16; w2 += 16; w3 += 16;
  }
  if (n & 4) {
    let u = v128.load(x);
    a0 = madd(u, low(v128.load64_zero(w0)), a0); a1 = madd(u, low(v128.load64_zero(w1)), a1);
    a2 = madd(u, low(v128.load64_zero(w2)), a2); a3 = madd(u, low(v128.load64_zero(w3)), a3);
    x += 16; w0 += 8; w1 += 8; w2 += 8; w3 += 8;
  }
  let s = sums(a0, a1, a2, a3);
  for (let rest = n & 3; rest > 0; rest--) {
    let q = f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(one(w0)), 1, one(w1)), 2, one(w2));
    s = f32x4.add(s, f32x4.mul(v128.load32_splat(x), f32x4.replace_lane(q, 3, one(w3))));
    x += 4; w0 += 2; w1 += 2; w2 += 2; w3 += 2;
  }
  let base = bias ? gathered(bias, gap) : f32x4.splat(0);
  scatter(y, gap, f32x4.add(add ? gathered(y, gap) : base, s));
}

/** dots1x1 of dots.ts on weights of bf16, with the same bits. */
export function halfDots1x1(x: usize, w: usize, n: i32, y: usize, bias: usize, add: bool): void {
  let a = f32x4.splat(0), end4 = x + (<usize>(n & ~3) << 2);
  while (x < end4) {
    a = madd(v128.load(x), low(v128.load64_zero(w)), a);
    x += 16; w += 8;
  }
  let s = sum(a);
  for (let rest = n & 3; rest > 0; rest--) {
    s += load<f32>(x) * one(w);
    x += 4; w += 2;
  }
  store<f32>(y, (add ? load<f32>(y) : bias ? load<f32>(bias) : 0) + s);
}
