// Log-probability of given targets, straight from logits: the cross-entropy of a window without T × vocabulary in JavaScript.

import { exp, largest, sum } from './lanes';

/** Lanes are summed in f32 over this many bytes, then in f64. */
const BLOCK: usize = 1024;

/** out[t] = logits[t][targets[t]] − log Σ exp logits[t], rows of n f32. A unit is a token. */
export function logProbabilities(logits: usize, targets: usize, out: usize, n: i32, begin: i32, end: i32): void {
  let bytes = <usize>n << 2, bytes4 = bytes & ~15;
  for (let t = <usize>begin; t < <usize>end; t++) {
    let row = logits + t * bytes;
    let top = f32x4.splat(-f32.MAX_VALUE);
    let i: usize = 0;
    for (; i < bytes4; i += 16) top = f32x4.pmax(top, v128.load(row + i));
    let m = largest(top);
    for (; i < bytes; i += 4) m = max(m, load<f32>(row + i));
    let shift = f32x4.splat(m);
    let total: f64 = 0;
    for (i = 0; i < bytes4; ) {
      let part = f32x4.splat(0), stop = min(i + BLOCK, bytes4);
      for (; i < stop; i += 16) part = f32x4.add(part, exp(f32x4.sub(v128.load(row + i), shift)));
      total += <f64>sum(part);
    }
    for (; i < bytes; i += 4)
      total += <f64>f32x4.extract_lane(exp(f32x4.sub(v128.load32_splat(row + i), shift)), 0);
    // A NaN or an infinity among the logits: the answer is NaN, and the caller sees it.
    if (!(total >= 1 && total < Infinity)) {
      store<f32>(out + (t << 2), NaN);
      continue;
    }
    let target = load<f32>(row + (<usize>load<u32>(targets + (t << 2)) << 2));
    store<f32>(out + (t << 2), <f32>(<f64>target - <f64>m - log(total)));
  }
}

/** Natural logarithm of a number ≥ 1: x = 2ᵉ·m with m in [√½, √2), log m = 2 artanh((m − 1)/(m + 1)) as its series. */
function log(x: f64): f64 {
  let bits = reinterpret<u64>(x);
  let e = <i64>(bits >> 52) - 1023;
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e++;
  }
  let s = (m - 1) / (m + 1), z = s * s;
  let series: f64 = 0;
  for (let k = 21; k > 0; k -= 2) series = series * z + 1 / <f64>k;
  return <f64>e * 0.6931471805599453 + 2 * s * series;
}
