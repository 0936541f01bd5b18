// Arithmetic on four f32 lanes that several operations share. The relaxed build fuses multiply and add where the
// processor can; everything else is the same in both builds. Functions with many constants are inlined by decree: with
// calls in their loops, kernels took two to five times as long.

/** a·b + c. */
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Four numbers as f32: f32, bf16 as u16, or whole numbers of i8. */
// @ts-ignore: decorator
@inline
export function four<V>(at: usize): v128 {
  if (sizeof<V>() == 1) {
    let v = i16x8.extend_low_i8x16_s(v128.load32_zero(at));
    return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v));
  }
  if (sizeof<V>() == 2) return i32x4.shl(v128.load_ext<u16>(at), 16);
  return v128.load(at);
}

/** Sum of the lanes, as (0 + 2) + (1 + 3); `sums` adds in the same order. */
export function sum(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2) + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3))
  );
}

/** The lane sums of four vectors, as one vector. */
export function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  let ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  let cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** Largest lane. */
export function largest(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/** 1.5·2²³: added to a small number, it leaves the nearest whole number in the low bits of the sum. */
const ROUND: f32 = 12582912;

/**
 * eˣ within 2 ulp: x = n·ln 2 + r with |r| ≤ ln 2 / 2, a polynomial of degree 6 in r (Cephes' expf), times 2ⁿ.
 * Exactly 1 at 0, exactly 0 below −87.3 (and at −∞); above 88 it stays at e⁸⁸. NaN stays NaN.
 */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  let low = f32x4.lt(x, f32x4.splat(-87.3));
  let t = f32x4.pmax(f32x4.pmin(x, f32x4.splat(88)), f32x4.splat(-87.3));
  let shifted = f32x4.add(f32x4.mul(t, f32x4.splat(1.44269504088896341)), f32x4.splat(ROUND));
  let n = f32x4.sub(shifted, f32x4.splat(ROUND));
  let r = f32x4.sub(t, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = madd(f32x4.splat(1.9875691500e-4), r, f32x4.splat(1.3981999507e-3));
  p = madd(p, r, f32x4.splat(8.3334519073e-3));
  p = madd(p, r, f32x4.splat(4.1665795894e-2));
  p = madd(p, r, f32x4.splat(1.6666665459e-1));
  p = madd(p, r, f32x4.splat(5.0000001201e-1));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), f32x4.splat(1));
  let power = i32x4.add(i32x4.shl(shifted, 23), i32x4.splat(0x3f800000));
  return v128.andnot(f32x4.mul(p, power), low);
}

/**
 * tanh x within 2 ulp: x plus an odd polynomial of degree 11 up to 0.625, where nothing may cancel, and beyond it
 * 1 − 2/(e²ˣ + 1). Exactly ±1 from ±10 on, −0 at −0. NaN stays NaN.
 */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  let size = f32x4.abs(x), one = f32x4.splat(1), z = f32x4.mul(x, x);
  let p = madd(f32x4.splat(-5.704931042e-3), z, f32x4.splat(2.063903903e-2));
  p = madd(p, z, f32x4.splat(-5.373970091e-2));
  p = madd(p, z, f32x4.splat(1.333144204e-1));
  p = madd(p, z, f32x4.splat(-3.333328194e-1));
  let near = madd(f32x4.mul(x, z), p, x);
  let far = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(exp(f32x4.add(size, size)), one)));
  far = v128.or(far, v128.and(x, f32x4.splat(-0.0)));
  return v128.bitselect(near, far, f32x4.lt(size, f32x4.splat(0.625)));
}

/**
 * Φ(x) = (1 + erf(x/√2)) / 2, the share of the standard normal distribution below x: e^(−x²/2) times a polynomial of
 * degree 9 in 1/(1 + 0.34·|x|) is the tail beyond |x|, and nothing cancels on either side. Within 5 ulp above 0, within
 * 5 + x²/2 below, exactly 0 below −13.3 and 1 above 6. NaN stays NaN.
 */
// @ts-ignore: decorator
@inline
export function normalCdf(x: v128): v128 {
  let one = f32x4.splat(1);
  let t = f32x4.div(one, f32x4.add(one, f32x4.mul(f32x4.abs(x), f32x4.splat(0.34))));
  let p = madd(f32x4.splat(-2.647163395e-2), t, f32x4.splat(1.411488757e-1));
  p = madd(p, t, f32x4.splat(-2.764116612e-1));
  p = madd(p, t, f32x4.splat(2.057748732e-1));
  p = madd(p, t, f32x4.splat(-4.708282634e-2));
  p = madd(p, t, f32x4.splat(1.163134454e-1));
  p = madd(p, t, f32x4.splat(1.149677251e-1));
  p = madd(p, t, f32x4.splat(1.361423571e-1));
  p = madd(p, t, f32x4.splat(1.356188575e-1));
  let tail = f32x4.mul(f32x4.mul(p, t), exp(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5))));
  return v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, f32x4.splat(0)));
}
