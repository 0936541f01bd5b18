// The steps of a weight update by ADMM but for the products with its inverse, in f64: what a mask ranks, and what follows
// from the mask, five matrices read and two written, once.

import { ELEMENTS } from './units';

/** scores = x + u, rounded to f32, over `size` f64 each. A unit is 1024 elements. */
export function admmScores(scores: usize, x: usize, u: usize, size: i32, begin: i32, end: i32): void {
  for (let i = <usize>(begin * ELEMENTS), last = min(<usize>(end * ELEMENTS), <usize>size); i < last; i++)
    store<f32>(scores + (i << 2), <f32>(load<f64>(x + (i << 3)) + load<f64>(u + (i << 3))));
}

/**
 * With s = x + u, and z = s where kept (f32) ≠ 0 and 0 elsewhere: u = s − z, right = b + rho·(z − u), over `size` f64
 * each. A unit is 1024 elements.
 */
export function admmStep(
  right: usize, u: usize, x: usize, b: usize, kept: usize, size: i32, rho: f64, begin: i32, end: i32,
): void {
  let i = <usize>(begin * ELEMENTS), last = min(<usize>(end * ELEMENTS), <usize>size), last2 = last & ~1;
  let rhos = f64x2.splat(rho), zero = f32x4.splat(0);
  for (; i < last2; i += 2) {
    let at = i << 3, two = v128.load64_zero(kept + (i << 2));
    let mask = f32x4.ne(v128.shuffle<f32>(two, two, 0, 0, 1, 1), zero);
    let s = f64x2.add(v128.load(x + at), v128.load(u + at)), z = v128.and(s, mask), rest = f64x2.sub(s, z);
    v128.store(u + at, rest);
    v128.store(right + at, f64x2.add(v128.load(b + at), f64x2.mul(rhos, f64x2.sub(z, rest))));
  }
  for (; i < last; i++) {
    let at = i << 3, s = load<f64>(x + at) + load<f64>(u + at);
    let z: f64 = load<f32>(kept + (i << 2)) != 0 ? s : 0, rest = s - z;
    store<f64>(u + at, rest);
    store<f64>(right + at, load<f64>(b + at) + rho * (z - rest));
  }
}
