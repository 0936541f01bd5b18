// Layer normalisation. The first pass finds the mean; the second measures from it, and what rounding left of the mean
// shows up there and is taken off: rows far from 0 lose nothing.

import { madd, sum } from './lanes';

/**
 * y[t] = (x[t] − mean) / √(variance + eps) · weight + bias, rows of n f32; weight may be 0 for "all 1", bias 0 for
 * "all 0"; y may be x. A unit is a row.
 */
export function layerNorm(
  x: usize, weight: usize, bias: usize, y: usize, n: i32, eps: f32, begin: i32, end: i32,
): void {
  let bytes = <usize>n << 2;
  for (let t = <usize>begin; t < <usize>end; t++) row(x + t * bytes, weight, bias, y + t * bytes, bytes, <f32>n, eps);
}

function row(x: usize, weight: usize, bias: usize, y: usize, bytes: usize, n: f32, eps: f32): void {
  let bytes4 = bytes & ~15;
  let lanes = f32x4.splat(0);
  let i: usize = 0;
  for (; i < bytes4; i += 16) lanes = f32x4.add(lanes, v128.load(x + i));
  let total = sum(lanes);
  for (; i < bytes; i += 4) total += load<f32>(x + i);
  let center = total / n;

  let c = f32x4.splat(center), squares = f32x4.splat(0);
  lanes = squares;
  for (i = 0; i < bytes4; i += 16) {
    let d = f32x4.sub(v128.load(x + i), c);
    lanes = f32x4.add(lanes, d);
    squares = madd(d, d, squares);
  }
  let rest = sum(lanes), square = sum(squares);
  for (; i < bytes; i += 4) {
    let d = load<f32>(x + i) - center;
    rest += d;
    square += d * d;
  }
  rest /= n;
  let factor: f32 = 1 / sqrt<f32>(max<f32>(square / n - rest * rest, 0) + eps);

  let r = f32x4.splat(rest), f = f32x4.splat(factor);
  for (i = 0; i < bytes4; i += 16) {
    let v = f32x4.mul(f32x4.sub(f32x4.sub(v128.load(x + i), c), r), f);
    if (weight) v = f32x4.mul(v, v128.load(weight + i));
    if (bias) v = f32x4.add(v, v128.load(bias + i));
    v128.store(y + i, v);
  }
  for (; i < bytes; i += 4) {
    let v = (load<f32>(x + i) - center - rest) * factor;
    if (weight) v *= load<f32>(weight + i);
    if (bias) v += load<f32>(bias + i);
    store<f32>(y + i, v);
  }
}
