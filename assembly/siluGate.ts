// The gate of a Llama MLP: silu(g)·u with silu(g) = g / (1 + e⁻ᵍ).

import { exp } from './lanes';
import { ELEMENTS } from './units';

/** y = silu(gate)·up over `size` f32. A unit is 1024 elements. */
export function siluGate(gate: usize, up: usize, y: usize, size: i32, begin: i32, end: i32): void {
  let i = <usize>(begin * ELEMENTS) << 2, last = min(<usize>(end * ELEMENTS), <usize>size) << 2, last4 = last & ~15;
  for (; i < last4; i += 16) v128.store(y + i, gated(v128.load(gate + i), v128.load(up + i)));
  for (; i < last; i += 4)
    store<f32>(y + i, f32x4.extract_lane(gated(v128.load32_splat(gate + i), v128.load32_splat(up + i)), 0));
}

function gated(g: v128, u: v128): v128 {
  return f32x4.mul(f32x4.div(g, f32x4.add(f32x4.splat(1), exp(f32x4.neg(g)))), u);
}
