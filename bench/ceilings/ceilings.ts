// What the machine can do at most from WebAssembly: arithmetic that touches registers only, and memory that is only read.

import { madd } from '../../assembly/lanes';

/** `rounds` times thirteen multiply-adds of four lanes, in thirteen independent chains; no product is computed twice. */
export function arithmetic(at: usize, rounds: i32): void {
  const m = v128.load(at);
  const n = v128.load(at, 16);
  // biome-ignore format: four chains a line
  let a0 = m, a1 = m, a2 = m, a3 = m,
    b0 = m, b1 = m, b2 = m, b3 = m,
    c0 = m, c1 = m, c2 = m, c3 = m,
    d0 = m;
  // biome-ignore format: four chains a line
  for (; rounds > 0; rounds--) {
    a0 = madd(a0, m, n); a1 = madd(a1, m, n); a2 = madd(a2, m, n); a3 = madd(a3, m, n);
    b0 = madd(b0, m, n); b1 = madd(b1, m, n); b2 = madd(b2, m, n); b3 = madd(b3, m, n);
    c0 = madd(c0, m, n); c1 = madd(c1, m, n); c2 = madd(c2, m, n); c3 = madd(c3, m, n);
    d0 = madd(d0, m, n);
  }
  a0 = f32x4.add(f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)), f32x4.add(f32x4.add(b0, b1), f32x4.add(b2, b3)));
  v128.store(at, f32x4.add(a0, f32x4.add(f32x4.add(c0, c1), f32x4.add(f32x4.add(c2, c3), d0))), 32);
}

/**
 * Reads from `at` to nearly `end`, as four streams side by side that begin `gap` bytes apart (a multiple of 64) and are as
 * long; then the next four. With a gap of 64 it is one stream. Returns the number of bytes read.
 */
export function stream(at: usize, end: usize, gap: usize, out: usize): usize {
  const start = at;
  // biome-ignore format: the four sums
  let a = i32x4.splat(0), b = a, c = a, d = a;
  for (; at + 4 * gap <= end; at += 3 * gap) {
    // biome-ignore format: the other three streams
    let p1 = at + gap, p2 = p1 + gap, p3 = p2 + gap;
    for (let stop = p1; at < stop; at += 64) {
      a = v128.or(v128.or(a, v128.load(at)), v128.or(v128.load(at, 16), v128.or(v128.load(at, 32), v128.load(at, 48))));
      b = v128.or(v128.or(b, v128.load(p1)), v128.or(v128.load(p1, 16), v128.or(v128.load(p1, 32), v128.load(p1, 48))));
      c = v128.or(v128.or(c, v128.load(p2)), v128.or(v128.load(p2, 16), v128.or(v128.load(p2, 32), v128.load(p2, 48))));
      d = v128.or(v128.or(d, v128.load(p3)), v128.or(v128.load(p3, 16), v128.or(v128.load(p3, 32), v128.load(p3, 48))));
      p1 += 64;
      p2 += 64;
      p3 += 64;
    }
  }
  v128.store(out, v128.or(v128.or(a, b), v128.or(c, d)));
  return at - start;
}
