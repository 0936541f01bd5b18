// The activation functions, on four lanes. All but relu are x times a share in [0, 1], and the share of a negative
// number is computed as such and never as one minus something, so that nothing cancels on either side.

import { exp, normalCdf } from './lanes';

/** As the backend numbers the names of activations; silu, 0, is what is none of these. */
const RELU: i32 = 1;
const GELU: i32 = 2;
const GELU_TANH: i32 = 3;
const QUICK_GELU: i32 = 4;

/** x through the activation of that number. */
// @ts-ignore: decorator
@inline
export function activated(x: v128, kind: i32): v128 {
  if (kind == RELU) return f32x4.max(x, f32x4.splat(0));
  if (kind == GELU) return f32x4.mul(x, normalCdf(x));
  let t = x;
  if (kind == GELU_TANH) t = cubic(x);
  if (kind == QUICK_GELU) t = f32x4.mul(x, f32x4.splat(1.702));
  return f32x4.mul(x, sigmoid(t));
}

/** 1 / (1 + e⁻ˣ): with e = e^−|x| it is 1/(1 + e) or e/(1 + e), and no exponential overflows. */
// @ts-ignore: decorator
@inline
function sigmoid(x: v128): v128 {
  let one = f32x4.splat(1), e = exp(f32x4.neg(f32x4.abs(x)));
  let above = v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0)));
  return f32x4.div(above, f32x4.add(one, e));
}

/** 2·√(2/π)·(x + 0.044715·x³), of which the sigmoid is (1 + tanh of half of it) / 2. */
// @ts-ignore: decorator
@inline
function cubic(x: v128): v128 {
  let square = f32x4.mul(x, x);
  return f32x4.mul(x, f32x4.add(f32x4.splat(1.5957691216057308), f32x4.mul(square, f32x4.splat(0.0713548162726009))));
}
