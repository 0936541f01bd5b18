// n:m masks: of every m consecutive inputs of a row the n with the smallest scores are removed.

import { scoreRow } from './score';

/**
 * out = weight masked by the scores of `source`, rows of `columns` f32, m ≤ 64 dividing columns; of equal scores the
 * lower column goes. out may be weight or source. A unit is a row. Scratch of a thread: a row's scores, 4·columns bytes.
 */
export function maskGroups(
  weight: usize, source: usize, column: usize, row: usize, out: usize, columns: i32, n: i32, m: i32, scratch: usize,
  stride: usize, begin: i32, end: i32, thread: i32,
): void {
  let scores = scratch + stride * thread, bytes = <usize>columns << 2, group = <usize>m << 2;
  for (let r = begin; r < end; r++) {
    scoreRow(source, column, row, r, columns, scores);
    let from = weight + <usize>r * bytes, to = out + <usize>r * bytes;
    for (let c: usize = 0; c < bytes; c += group) {
      let removed = smallest(scores + c, n, m);
      for (let i = 0; i < m; i++) {
        let at = c + (<usize>i << 2);
        store<u32>(to + at, (removed >> i) & 1 ? 0 : load<u32>(from + at));
      }
    }
  }
}

/** Which n of m scores are the smallest, a bit each. */
function smallest(scores: usize, n: i32, m: i32): u64 {
  let found: u64 = 0;
  for (let k = 0; k < n; k++) {
    let best = -1;
    let least = u32.MAX_VALUE;
    for (let i = 0; i < m; i++) {
      let s = load<u32>(scores + (<usize>i << 2));
      if (((found >> i) & 1) == 0 && s < least) {
        least = s;
        best = i;
      }
    }
    found |= <u64>1 << best;
  }
  return found;
}
