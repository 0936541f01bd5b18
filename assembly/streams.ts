// One token of a layer that lies in memory: eight rows as eight long streams, of f32, or of 16 bits that are widened in registers.
// A row is read a cache line at a time, one of 16 bits half a line: eight rows may compete for the same places of the first
// cache, where a line that is left and met again is read twice. Sums are those of dots.ts, bit for bit.

import { deliver } from './dots';
import { high, low } from './halves';
import { madd, sums } from './lanes';

/**
 * dots4x1 of dots.ts for eight rows, of n columns, a multiple of 16. `W` is f32, or what halves.ts is made for; `constants` are
 * its, which f32 does not read. The ways out in the middle are never taken: they part the loads of two rows (dots.ts).
 */
export function dots8x1<W>(
  x: usize, w: usize, strideW: usize, n: i32, y: usize, gap: usize, bias: usize, add: bool, constants: usize,
): void {
  let w0 = w, w1 = w + strideW, w2 = w1 + strideW, w3 = w2 + strideW;
  let w4 = w3 + strideW, w5 = w4 + strideW, w6 = w5 + strideW, w7 = w6 + strideW;
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0, m = a0, f = a0;
  if (sizeof<W>() == 2) {
    m = v128.load(constants); f = v128.load(constants, 16);
  }
  const step = 16 * sizeof<W>();
  for (let end = x + (<usize>n << 2); x < end; x += 64) {
    let u = v128.load(x), v = v128.load(x, 16), s = v128.load(x, 32), t = v128.load(x, 48);
    a0 = sixteen<W>(u, v, s, t, w0, m, f, a0); if (!w1) break;
    a1 = sixteen<W>(u, v, s, t, w1, m, f, a1); if (!w2) break;
    a2 = sixteen<W>(u, v, s, t, w2, m, f, a2); if (!w3) break;
    a3 = sixteen<W>(u, v, s, t, w3, m, f, a3); if (!w4) break;
    a4 = sixteen<W>(u, v, s, t, w4, m, f, a4); if (!w5) break;
    a5 = sixteen<W>(u, v, s, t, w5, m, f, a5); if (!w6) break;
    a6 = sixteen<W>(u, v, s, t, w6, m, f, a6); if (!w7) break;
    a7 = sixteen<W>(u, v, s, t, w7, m, f, a7);
    w0 += step; w1 += step; w2 += step; w3 += step; w4 += step; w5 += step; w6 += step; w7 += step;
  }
  deliver(y, gap, bias, add, sums(a0, a1, a2, a3));
  deliver(y + 4 * gap, gap, bias ? bias + 4 * gap : 0, add, sums(a4, a5, a6, a7));
}

/** a + sixteen columns of a row, which begin at w, times those of x. */
// @ts-ignore: decorator
@inline
function sixteen<W>(u: v128, v: v128, s: v128, t: v128, w: usize, m: v128, f: v128, a: v128): v128 {
  if (sizeof<W>() == 4) {
    a = madd(v, v128.load(w, 16), madd(u, v128.load(w), a));
    return madd(t, v128.load(w, 48), madd(s, v128.load(w, 32), a));
  }
  let near = v128.load(w), far = v128.load(w, 16);
  a = madd(v, high<W>(near, m, f), madd(u, low<W>(near, m, f), a));
  return madd(t, high<W>(far, m, f), madd(s, low<W>(far, m, f), a));
}
