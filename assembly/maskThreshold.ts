// Selection over a whole matrix: the caller narrows the threshold down with `countScores`, a radix digit at a time,
// and `maskThreshold` applies it. Nothing as large as the matrix is ever written but the result.

import { score } from './score';

/**
 * Adds to histogram[2ᵇⁱᵗˢ] (u32), for every score of w[rows, n] whose bits above shift + bits equal `prefix`, one at
 * its digit (score >> shift) mod 2ᵇⁱᵗˢ.
 */
export function countScores(
  w: usize, columnScale: usize, rows: i32, n: i32, prefix: u32, shift: u32, bits: u32, histogram: usize,
): void {
  let mask = (<u32>1 << bits) - 1, above = shift + bits;
  for (let r = 0; r < rows; r++)
    for (let c: usize = 0, bytes = <usize>n << 2; c < bytes; c += 4) {
      let s = score(w + <usize>r * bytes + c, columnScale ? columnScale + c : 0);
      if ((above >= 32 ? 0 : s >> above) == prefix) {
        let at = histogram + (<usize>((s >> shift) & mask) << 2);
        store<u32>(at, load<u32>(at) + 1);
      }
    }
}

/** out = w with every weight of score ≤ threshold set to 0, rows of n f32; out may be w. A unit is a row. */
export function maskThreshold(
  w: usize, columnScale: usize, out: usize, n: i32, threshold: u32, begin: i32, end: i32,
): void {
  let bytes = <usize>n << 2;
  for (let r = <usize>begin; r < <usize>end; r++)
    for (let c: usize = 0; c < bytes; c += 4) {
      let at = w + r * bytes + c;
      store<u32>(out + r * bytes + c, score(at, columnScale ? columnScale + c : 0) > threshold ? load<u32>(at) : 0);
    }
}
