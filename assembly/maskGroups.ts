// n:m masks: of every m consecutive inputs of a row the n with the smallest scores are removed.

import { score } from './score';

/** out = w masked, rows of `columns` f32, m ≤ 64 dividing columns; of equal scores the lower column goes. out may be w. A unit is a row. */
export function maskGroups(
  w: usize, columnScale: usize, out: usize, columns: i32, n: i32, m: i32, begin: i32, end: i32,
): void {
  let bytes = <usize>columns << 2, group = <usize>m << 2;
  for (let r = <usize>begin; r < <usize>end; r++)
    for (let c: usize = 0; c < bytes; c += group) {
      let from = w + r * bytes + c, to = out + r * bytes + c;
      let removed: u64 = 0;
      for (let k = 0; k < n; k++) {
        let best = -1;
        let least = u32.MAX_VALUE;
        for (let i = 0; i < m; i++) {
          let at = <usize>i << 2, s = score(from + at, columnScale ? columnScale + c + at : 0);
          if (((removed >> i) & 1) == 0 && s < least) {
            least = s;
            best = i;
          }
        }
        removed |= <u64>1 << best;
      }
      for (let i = 0; i < m; i++) {
        let at = <usize>i << 2;
        store<u32>(to + at, (removed >> i) & 1 ? 0 : load<u32>(from + at));
      }
    }
}
