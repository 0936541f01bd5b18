// Scores inside a block of columns, w²/U_cc² as the bits of a non-negative f32, and counts of them: SparseGPT looks for
// the threshold of a block over all its rows. Rounded as f32: the square, then its quotient. The sign is that of a NaN.

/** Score of one weight, given the square of its column's U_cc. */
// @ts-ignore: decorator
@inline
export function columnScore(weight: usize, square: usize): u32 {
  let w = load<f32>(weight);
  return reinterpret<u32>(abs<f32>((w * w) / load<f32>(square)));
}

/** Scores of four neighbours. */
// @ts-ignore: decorator
@inline
export function columnScores(weight: usize, square: usize): v128 {
  let w = v128.load(weight);
  return f32x4.abs(f32x4.div(f32x4.mul(w, w), v128.load(square)));
}

/**
 * Adds to the thread's own histogram[2ᵇⁱᵗˢ] (u32), for every score in columns [from, to) of w[rows, columns] whose bits
 * above shift + bits equal `prefix`, one at its digit (score >> shift) mod 2ᵇⁱᵗˢ. squares[to − from]: U_cc². A unit is a
 * row; the histograms of the threads lie `stride` bytes apart.
 */
export function countColumnScores(
  w: usize, squares: usize, columns: i32, from: i32, to: i32, prefix: u32, shift: u32, bits: u32, histogram: usize,
  stride: usize, begin: i32, end: i32, thread: i32,
): void {
  histogram += stride * thread;
  let bytes = <usize>(to - from) << 2, bytes4 = bytes & ~15, mask = (<u32>1 << bits) - 1, above = shift + bits;
  let wanted = i32x4.splat(prefix);
  for (let r = begin; r < end; r++) {
    let row = w + ((<usize>r * <usize>columns + <usize>from) << 2);
    let i: usize = 0;
    for (; i < bytes4; i += 16) {
      let s = columnScores(row + i, squares + i), hit = i32x4.eq(i32x4.shr_u(s, above), wanted);
      if (!v128.any_true(hit)) continue;
      if (i32x4.extract_lane(hit, 0)) increment(histogram, (i32x4.extract_lane(s, 0) >> shift) & mask);
      if (i32x4.extract_lane(hit, 1)) increment(histogram, (i32x4.extract_lane(s, 1) >> shift) & mask);
      if (i32x4.extract_lane(hit, 2)) increment(histogram, (i32x4.extract_lane(s, 2) >> shift) & mask);
      if (i32x4.extract_lane(hit, 3)) increment(histogram, (i32x4.extract_lane(s, 3) >> shift) & mask);
    }
    for (; i < bytes; i += 4) {
      let s = columnScore(row + i, squares + i);
      if (s >> above == prefix) increment(histogram, (s >> shift) & mask);
    }
  }
}

function increment(histogram: usize, bin: u32): void {
  let at = histogram + (<usize>bin << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** Into `found` (i32): where in the block, row by row, the score `threshold` occurs for the `count`-th time. One unit. */
export function findColumnScore(
  w: usize, squares: usize, rows: i32, columns: i32, from: i32, to: i32, threshold: u32, count: i32, found: usize,
  begin: i32, end: i32,
): void {
  let index = 0;
  for (let r = 0; r < rows; r++)
    for (let c = from; c < to; c++, index++) {
      let at = w + ((<usize>r * <usize>columns + <usize>c) << 2);
      if (columnScore(at, squares + (<usize>(c - from) << 2)) == threshold && --count == 0) {
        store<i32>(found, index);
        return;
      }
    }
}
