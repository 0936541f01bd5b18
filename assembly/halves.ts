// Weights of 16 bits, widened on the way, with the bits that the same numbers in f32 give. For one token that happens in
// registers (streams.ts); for more, a few rows go through scratch memory and are read many times.
//
// A bf16 is the upper half of an f32: an unpacking with zeros is all there is to do. An f16 is unpacked, moved to where
// an f32 has its exponent and mantissa, and multiplied by a power of two. What is stored is 1024 times the weight: f16 has
// subnormal numbers where weights are, f32 that multiplies would meet them too, and that takes a hundred times as long.

import { madd, sum } from './lanes';

/** As the backend numbers the kinds of weights; 0 is f32. The functions here are made for u16, bf16, and i16, f16. */
export const BF16: i32 = 1;
export const F16: i32 = 2;

/** Bytes of the constants. */
export const CONSTANTS: usize = 32;

/** Writes the constants of f16: loaded from memory they stay in registers, in the code newer V8 builds them at every use. */
export function storeConstants(at: usize): void {
  v128.store(at, i32x4.splat(0x8fffe000));
  // 2¹¹² for the bias of the exponent, 2⁻¹⁰ for the 1024.
  v128.store(at, f32x4.splat(reinterpret<f32>((102 + 127) << 23)), 16);
}

/** Four numbers whose patterns are upper halves. */
// @ts-ignore: decorator
@inline
function widened<H>(v: v128, mask: v128, factor: v128): v128 {
  if (isSigned<H>()) return f32x4.mul(v128.and(i32x4.shr_s(v, 3), mask), factor);
  return v;
}

/** The first four of eight. */
// @ts-ignore: decorator
@inline
export function low<H>(v: v128, mask: v128, factor: v128): v128 {
  return widened<H>(v128.shuffle<u16>(i32x4.splat(0), v, 0, 8, 1, 9, 2, 10, 3, 11), mask, factor);
}

/** The other four. */
// @ts-ignore: decorator
@inline
export function high<H>(v: v128, mask: v128, factor: v128): v128 {
  return widened<H>(v128.shuffle<u16>(i32x4.splat(0), v, 4, 12, 5, 13, 6, 14, 7, 15), mask, factor);
}

/** The patterns of the nearest bf16, of equally near ones the even one, each in 32 bits; NaN stays NaN. */
export function nearestBF16(v: v128): v128 {
  let odd = v128.and(i32x4.shr_u(v, 16), i32x4.splat(1));
  let nearest = i32x4.add(v, i32x4.add(odd, i32x4.splat(0x7fff)));
  let quiet = v128.or(v, i32x4.splat(0x400000));
  return i32x4.shr_u(v128.bitselect(nearest, quiet, f32x4.eq(v, v)), 16);
}

/** One number. */
// @ts-ignore: decorator
@inline
export function one<H>(at: usize, constants: usize): f32 {
  let bits = <i32>load<u16>(at) << 16;
  if (isSigned<H>()) return reinterpret<f32>((bits >> 3) & load<i32>(constants)) * load<f32>(constants, 16);
  return reinterpret<f32>(bits);
}

/** n numbers as f32. */
export function widen<H>(from: usize, to: usize, n: i32, constants: usize): void {
  let end8 = from + (<usize>(n & ~7) << 1), end = from + (<usize>n << 1);
  let m = v128.load(constants), f = v128.load(constants, 16);
  for (; from < end8; from += 16, to += 32) {
    let v = v128.load(from);
    v128.store(to, low<H>(v, m, f));
    v128.store(to, high<H>(v, m, f), 16);
  }
  for (; from < end; from += 2, to += 4) store<f32>(to, one<H>(from, constants));
}

/** dots1x1 of dots.ts on such weights. */
export function halfDots1x1<H>(
  x: usize, w: usize, n: i32, y: usize, bias: usize, add: bool, constants: usize,
): void {
  let a = f32x4.splat(0), m = v128.load(constants), f = v128.load(constants, 16), end4 = x + (<usize>(n & ~3) << 2);
  while (x < end4) {
    a = madd(v128.load(x), low<H>(v128.load64_zero(w), m, f), a);
    x += 16; w += 8;
  }
  let s = sum(a);
  for (let rest = n & 3; rest > 0; rest--) {
    s += load<f32>(x) * one<H>(w, constants);
    x += 4; w += 2;
  }
  store<f32>(y, (add ? load<f32>(y) : bias ? load<f32>(bias) : 0) + s);
}
