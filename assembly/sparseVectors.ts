// y[T, rows] = x[T, columns] · Wᵀ + bias for a sparse W and a few tokens, one after another: the four rows of a group are
// the lanes of a vector, each with its own way through x, and each lane fetches the number that its entry needs.

import { high, low } from './halves';
import { four, madd } from './lanes';
import { OF_BF16, OF_INT8, rowAt, SPARSE_ROWS } from './sparse';
import { bytesOf } from './sparseSteps';

/** Groups of a unit. */
export const SPARSE_GROUPS: i32 = 8;

/** Rows [first, last) of W, as sparseLinear has them. Units are counted from the window of `first`. */
export function sparseVectors(
  x: usize, starts: usize, order: usize, steps: usize, values: usize, scale: usize, bias: usize, y: usize, groups: i32,
  columns: i32, first: i32, last: i32, tokens: i32, kind: i32, far: i32, scratch: usize, stride: usize, begin: i32, end: i32,
  thread: i32,
): void {
  let base = first / SPARSE_ROWS * (SPARSE_ROWS / 4 / SPARSE_GROUPS), strideY = <usize>(last - first) << 2;
  let own = scratch + stride * thread;
  for (let part = base + begin; part < base + end; part++)
    for (let t = 0; t < tokens; t++) {
      let xt = x + (<usize>(t * columns) << 2), yt = y + strideY * t;
      for (let g = part * SPARSE_GROUPS; g < min((part + 1) * SPARSE_GROUPS, groups); g++) {
        let at = starts + (<usize>g << 2), i = <usize>load<u32>(at), stop = <usize>load<u32>(at, 4), v: v128;
        let o = i + bytesOf(steps, far, i, stop, own);
        if (kind == OF_INT8) v = group<i8>(xt, o, values + i, values + stop);
        else if (kind == OF_BF16) v = halfGroup(xt, o, values + (i << 1), values + (stop << 1));
        else v = group<f32>(xt, o, values + (i << 2), values + (stop << 2));
        put(yt, scale, bias, rowAt(order, g << 2), first, last, f32x4.extract_lane(v, 0));
        put(yt, scale, bias, rowAt(order, (g << 2) + 1), first, last, f32x4.extract_lane(v, 1));
        put(yt, scale, bias, rowAt(order, (g << 2) + 2), first, last, f32x4.extract_lane(v, 2));
        put(yt, scale, bias, rowAt(order, (g << 2) + 3), first, last, f32x4.extract_lane(v, 3));
      }
    }
}

/** The sums of a group: of its entries from `v` to `stop`. */
function group<V>(x: usize, o: usize, v: usize, stop: usize): v128 {
  let sums = f32x4.splat(0), p = x, q = x, r = x, s = x;
  for (; v < stop; v += 4 * sizeof<V>(), o += 4) {
    p += <usize>load<u8>(o) << 2; q += <usize>load<u8>(o, 1) << 2;
    r += <usize>load<u8>(o, 2) << 2; s += <usize>load<u8>(o, 3) << 2;
    let xs = v128.load_lane<f32>(q, v128.load32_zero(p), 1);
    sums = madd(four<V>(v), v128.load_lane<f32>(s, v128.load_lane<f32>(r, xs, 2), 3), sums);
  }
  return sums;
}

/**
 * The same of bf16, two entries of each row at a time: one load brings both, and instructions are what bounds it. The way out
 * in the middle is never taken (sparseLinear.ts).
 */
function halfGroup(x: usize, o: usize, v: usize, stop: usize): v128 {
  let sums = f32x4.splat(0), zero = f32x4.splat(0), p = x, q = x, r = x, s = x;
  for (let even = stop - (stop - v & 8); v < even; v += 16, o += 8) {
    let values = v128.load(v);
    p += <usize>load<u8>(o) << 2; q += <usize>load<u8>(o, 1) << 2;
    r += <usize>load<u8>(o, 2) << 2; s += <usize>load<u8>(o, 3) << 2;
    sums = madd(low<u16>(values, zero, zero), fetch(p, q, r, s), sums);
    if (!p) break;
    p += <usize>load<u8>(o, 4) << 2; q += <usize>load<u8>(o, 5) << 2;
    r += <usize>load<u8>(o, 6) << 2; s += <usize>load<u8>(o, 7) << 2;
    sums = madd(high<u16>(values, zero, zero), fetch(p, q, r, s), sums);
  }
  if (v < stop)
    sums = madd(four<u16>(v), fetch(p + (<usize>load<u8>(o) << 2), q + (<usize>load<u8>(o, 1) << 2),
      r + (<usize>load<u8>(o, 2) << 2), s + (<usize>load<u8>(o, 3) << 2)), sums);
  return sums;
}

/** The numbers at four places: fewer steps than lane by lane, but more registers, which `group` lacks (it is slower so). */
// @ts-ignore: decorator
@inline
function fetch(p: usize, q: usize, r: usize, s: usize): v128 {
  let pq = v128.shuffle<f32>(v128.load32_zero(p), v128.load32_zero(q), 0, 4, 1, 5);
  let rs = v128.shuffle<f32>(v128.load32_zero(r), v128.load32_zero(s), 0, 4, 1, 5);
  return v128.shuffle<f64>(pq, rs, 0, 2);
}

/** sum · scale + bias, if the row is one of those that are asked for. */
function put(y: usize, scale: usize, bias: usize, r: i32, first: i32, last: i32, sum: f32): void {
  if (r < first || r >= last) return;
  let own = <usize>(r - first) << 2;
  if (scale | bias) sum = sum * (scale ? load<f32>(scale + own) : 1) + (bias ? load<f32>(bias + own) : 0);
  store<f32>(y + own, sum);
}
