// Root mean square normalisation.

import { madd, sum } from './lanes';

/**
 * y[t] = x[t] / √(mean(x[t]²) + eps) · weight, rows of n f32; weight may be 0 for "all 1"; y may be x. A unit is a row.
 */
export function rmsNorm(x: usize, weight: usize, y: usize, n: i32, eps: f32, begin: i32, end: i32): void {
  let bytes = <usize>n << 2, bytes4 = bytes & ~15;
  for (let t = <usize>begin; t < <usize>end; t++) {
    let xt = x + t * bytes, yt = y + t * bytes;
    let squares = f32x4.splat(0);
    let i: usize = 0;
    for (; i < bytes4; i += 16) {
      let v = v128.load(xt + i);
      squares = madd(v, v, squares);
    }
    let total = sum(squares);
    for (; i < bytes; i += 4) total += load<f32>(xt + i) * load<f32>(xt + i);
    let factor: f32 = 1 / sqrt<f32>(total / <f32>n + eps);
    let f = f32x4.splat(factor);
    for (i = 0; i < bytes4; i += 16) {
      let v = f32x4.mul(v128.load(xt + i), f);
      if (weight) v = f32x4.mul(v128.load(weight + i), v);
      v128.store(yt + i, v);
    }
    for (; i < bytes; i += 4) {
      let v = load<f32>(xt + i) * factor;
      store<f32>(yt + i, weight ? load<f32>(weight + i) * v : v);
    }
  }
}
