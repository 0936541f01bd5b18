// A soft limit on logits: nearly the identity around 0, never beyond ±cap.

import { tanh } from './lanes';
import { ELEMENTS } from './units';

/** y = cap·tanh(x / cap) over `size` f32; y may be x. A unit is 1024 elements. */
export function softcap(x: usize, y: usize, size: i32, cap: f32, begin: i32, end: i32): void {
  let i = <usize>(begin * ELEMENTS) << 2, last = min(<usize>(end * ELEMENTS), <usize>size) << 2, last4 = last & ~15;
  let c = f32x4.splat(cap), f = f32x4.splat(1 / cap);
  for (; i < last4; i += 16) v128.store(y + i, capped(v128.load(x + i), c, f));
  for (; i < last; i += 4) store<f32>(y + i, f32x4.extract_lane(capped(v128.load32_splat(x + i), c, f), 0));
}

/** cap·tanh(x·factor). */
// @ts-ignore: decorator
@inline
export function capped(x: v128, cap: v128, factor: v128): v128 {
  return f32x4.mul(cap, tanh(f32x4.mul(x, factor)));
}
