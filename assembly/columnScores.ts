// Scores inside a block of columns of SparseGPT, w²/U_cc², as the bits of a non-negative f32, and counts of them: the
// threshold of a block is one for all its rows. Rounded as f32: the square, then the quotient.

import { ELEMENTS } from './units';

/** Score of one weight, given the square of its column's U_cc; a NaN has no sign either. */
// @ts-ignore: decorator
@inline
export function columnScore(weight: usize, square: usize): u32 {
  let w = load<f32>(weight);
  return reinterpret<u32>(abs<f32>((w * w) / load<f32>(square)));
}

/**
 * scores[rows, padded] of columns [from, to) of w[rows, columns], padded up to a multiple of 4 with what no score
 * reaches; squares[to − from]: U_cc². A unit is a row.
 */
export function scoreColumns(
  w: usize, squares: usize, scores: usize, columns: i32, from: i32, to: i32, begin: i32, end: i32,
): void {
  let bytes = <usize>(to - from) << 2, bytes4 = bytes & ~15, padded = (bytes + 15) & ~15;
  for (let r = <usize>begin; r < <usize>end; r++) {
    let row = w + ((r * <usize>columns + <usize>from) << 2), out = scores + r * padded;
    let i: usize = 0;
    for (; i < bytes4; i += 16) {
      let v = v128.load(row + i);
      v128.store(out + i, f32x4.abs(f32x4.div(f32x4.mul(v, v), v128.load(squares + i))));
    }
    for (; i < bytes; i += 4) store<u32>(out + i, columnScore(row + i, squares + i));
    for (; i < padded; i += 4) store<i32>(out + i, i32.MAX_VALUE);
  }
}

/**
 * Adds to the thread's own histogram[2ᵇⁱᵗˢ] (u32), for every one of `size` scores whose bits above shift + bits equal
 * `prefix`, one at its digit (score >> shift) mod 2ᵇⁱᵗˢ. Size is a multiple of 4; the histograms lie `stride` bytes apart. A
 * unit is 1024 scores.
 */
export function countColumnScores(
  scores: usize, size: i32, prefix: u32, shift: u32, bits: u32, histogram: usize, stride: usize, begin: i32, end: i32,
  thread: i32,
): void {
  histogram += stride * thread;
  let mask = (<u32>1 << bits) - 1, above = shift + bits, wanted = i32x4.splat(prefix);
  let last = scores + (<usize>min(end * ELEMENTS, size) << 2);
  for (let at = scores + (<usize>(begin * ELEMENTS) << 2); at < last; at += 16) {
    let s = v128.load(at), hit = i32x4.eq(i32x4.shr_u(s, above), wanted);
    if (!v128.any_true(hit)) continue;
    if (i32x4.extract_lane(hit, 0)) increment(histogram, (i32x4.extract_lane(s, 0) >> shift) & mask);
    if (i32x4.extract_lane(hit, 1)) increment(histogram, (i32x4.extract_lane(s, 1) >> shift) & mask);
    if (i32x4.extract_lane(hit, 2)) increment(histogram, (i32x4.extract_lane(s, 2) >> shift) & mask);
    if (i32x4.extract_lane(hit, 3)) increment(histogram, (i32x4.extract_lane(s, 3) >> shift) & mask);
  }
}

function increment(histogram: usize, bin: u32): void {
  let at = histogram + (<usize>bin << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** Into `found` (i32): where among `size` scores `threshold` occurs for the `count`-th time, which it does. One unit. */
export function findColumnScore(
  scores: usize, size: i32, threshold: u32, count: i32, found: usize, begin: i32, end: i32,
): void {
  for (let i = 0; i < size; i++)
    if (load<u32>(scores + (<usize>i << 2)) == threshold && --count == 0) {
      store<i32>(found, i);
      return;
    }
}
