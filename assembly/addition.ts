// Elementwise sums and multiples: the residual stream and what families scale on its way.

import { madd } from './lanes';
import { ELEMENTS } from './units';

/** y = a + factor·b over `size` f32; y may be a or b. A unit is 1024 elements. */
export function addition(a: usize, b: usize, y: usize, size: i32, factor: f32, begin: i32, end: i32): void {
  let i = <usize>(begin * ELEMENTS) << 2, last = min(<usize>(end * ELEMENTS), <usize>size) << 2, last4 = last & ~15;
  let f = f32x4.splat(factor);
  for (; i < last4; i += 16) v128.store(y + i, madd(v128.load(b + i), f, v128.load(a + i)));
  for (; i < last; i += 4)
    store<f32>(y + i, f32x4.extract_lane(madd(v128.load32_splat(b + i), f, v128.load32_splat(a + i)), 0));
}

/** y = factor·x over `size` f32; y may be x. A unit is 1024 elements. */
export function scaling(x: usize, y: usize, size: i32, factor: f32, begin: i32, end: i32): void {
  let i = <usize>(begin * ELEMENTS) << 2, last = min(<usize>(end * ELEMENTS), <usize>size) << 2, last4 = last & ~15;
  let f = f32x4.splat(factor);
  for (; i < last4; i += 16) v128.store(y + i, f32x4.mul(v128.load(x + i), f));
  for (; i < last; i += 4) store<f32>(y + i, load<f32>(x + i) * factor);
}
