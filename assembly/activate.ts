// An activation function, alone or as the gate of an MLP.

import { activated } from './activations';
import { ELEMENTS } from './units';

/** y = kind(x) over `size` f32; y may be x. A unit is 1024 elements. */
export function activate(x: usize, y: usize, size: i32, kind: i32, begin: i32, end: i32): void {
  let i = <usize>(begin * ELEMENTS) << 2, last = min(<usize>(end * ELEMENTS), <usize>size) << 2, last4 = last & ~15;
  for (; i < last4; i += 16) v128.store(y + i, activated(v128.load(x + i), kind));
  for (; i < last; i += 4) store<f32>(y + i, f32x4.extract_lane(activated(v128.load32_splat(x + i), kind), 0));
}

/** y = kind(gate)·up over `size` f32; y may be gate or up. A unit is 1024 elements. */
export function gate(gate: usize, up: usize, y: usize, size: i32, kind: i32, begin: i32, end: i32): void {
  let i = <usize>(begin * ELEMENTS) << 2, last = min(<usize>(end * ELEMENTS), <usize>size) << 2, last4 = last & ~15;
  for (; i < last4; i += 16) v128.store(y + i, f32x4.mul(activated(v128.load(gate + i), kind), v128.load(up + i)));
  for (; i < last; i += 4)
    store<f32>(y + i, f32x4.extract_lane(activated(v128.load32_splat(gate + i), kind), 0) * load<f32>(up + i));
}
