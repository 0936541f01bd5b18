// Elementwise sum: the residual stream.

import { ELEMENTS } from './units';

/** y = a + b over `size` f32. A unit is 1024 elements. */
export function addition(a: usize, b: usize, y: usize, size: i32, begin: i32, end: i32): void {
  let i = <usize>(begin * ELEMENTS) << 2, last = min(<usize>(end * ELEMENTS), <usize>size) << 2, last4 = last & ~15;
  for (; i < last4; i += 16) v128.store(y + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
  for (; i < last; i += 4) store<f32>(y + i, load<f32>(a + i) + load<f32>(b + i));
}
