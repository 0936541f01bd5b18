// Selection over a whole matrix: the caller narrows the threshold down with `countScores`, a radix digit at a time,
// finds with `lastEqual` how far scores equal to it go where not all of them do, and `maskThreshold` applies both.
// Nothing as large as the matrix is ever written but the result.

import { keepAbove, scoreRow } from './score';

/**
 * Adds to histogram[2ᵇⁱᵗˢ] (u32), for every score of [rows, n] whose bits above shift + bits equal `prefix`, one at its
 * digit (score >> shift) mod 2ᵇⁱᵗˢ. Scratch: the scores of a row, 4·n bytes.
 */
export function countScores(
  source: usize, column: usize, row: usize, rows: i32, n: i32, scratch: usize, prefix: u32, shift: u32, bits: u32,
  histogram: usize,
): void {
  let mask = (<u32>1 << bits) - 1, above = shift + bits, bytes = <usize>n << 2;
  for (let r = 0; r < rows; r++) {
    scoreRow(source, column, row, r, n, scratch);
    for (let c: usize = 0; c < bytes; c += 4) {
      let s = load<u32>(scratch + c);
      if ((above >= 32 ? 0 : s >> above) == prefix) {
        let at = histogram + (<usize>((s >> shift) & mask) << 2);
        store<u32>(at, load<u32>(at) + 1);
      }
    }
  }
}

/** Position, row by row, of the `count`-th (1-based) score of [rows, n] that equals `threshold`; there are as many. */
export function lastEqual(
  source: usize, column: usize, row: usize, rows: i32, n: i32, scratch: usize, threshold: u32, count: u32,
): i32 {
  for (let r = 0; r < rows; r++) {
    scoreRow(source, column, row, r, n, scratch);
    for (let c = 0; c < n; c++)
      if (load<u32>(scratch + (<usize>c << 2)) == threshold && --count == 0) return r * n + c;
  }
  return -1;
}

/**
 * out = weight with 0 where the score of `source` is below the threshold, or equal to it at a position up to `last`; rows
 * of n f32. out may be weight or source. A unit is a row. Scratch of a thread: the scores of a row, 4·n bytes.
 */
export function maskThreshold(
  weight: usize, source: usize, column: usize, row: usize, out: usize, n: i32, threshold: i32, last: i32, scratch: usize,
  stride: usize, begin: i32, end: i32, thread: i32,
): void {
  let scores = scratch + stride * thread, bytes = <usize>n << 2;
  for (let r = begin; r < end; r++) {
    scoreRow(source, column, row, r, n, scores);
    let from = weight + <usize>r * bytes, to = out + <usize>r * bytes;
    let split = <usize>max(0, min(n, last + 1 - r * n)) << 2;
    keepAbove(from, scores, to, 0, split, threshold);
    keepAbove(from, scores, to, split, bytes, threshold - 1);
  }
}
