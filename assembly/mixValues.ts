// y = shrink·y + Σ weight·v over the keys of a block: the second half of attention. Every sum is one chain of additions along
// the keys, whether four queries are mixed at once or one; then it is added to what earlier blocks have left, shrunk.

import { madd } from './lanes';
import { KEYS, ROW } from './runningSoftmax';

/**
 * For `count` queries, of which query i sees the keys [low + i·advance, high + i·advance) of the block, and has its shrink in
 * front of its row of weights. A value is multiplied only for queries that see it: were it infinite, a weight of 0 would still
 * make NaN of it. `sums` is room for four rows.
 */
export function mixValues(
  weights: usize, v: usize, strideV: usize, y: usize, strideY: usize, headDim: i32, count: i32, advance: i32, low: i32,
  high: i32, sums: usize,
): void {
  let bytes = <usize>headDim << 2;
  for (let i = 0; i < count; i += 4) {
    // Four queries see [from, to); what only some of them see, before it and behind it, is left to each of these.
    let n = min(4, count - i), from = max(0, low + (i + 3) * advance), to = min(KEYS, high + i * advance);
    if (n < 4 || from >= to) from = to = KEYS;
    memory.fill(sums, 0, bytes * n);
    for (let j = i; j < i + n; j++) {
      let first = max(0, low + j * advance), stop = min(from, high + j * advance);
      mix1(weights + ROW * j, first, stop, v, strideV, sums + bytes * (j - i), headDim);
    }
    if (from < to) {
      mix4(weights + ROW * i, from, to, v, strideV, sums, bytes, headDim);
      for (let j = i; j < i + n; j++)
        mix1(weights + ROW * j, to, min(KEYS, high + j * advance), v, strideV, sums + bytes * (j - i), headDim);
    }
    for (let j = i; j < i + n; j++)
      if (max(0, low + j * advance) < min(KEYS, high + j * advance))
        shrunk(y + strideY * j, load<f32>(weights + ROW * j - 16), sums + bytes * (j - i), bytes);
  }
}

/** y = shrink·y + x. */
export function shrunk(y: usize, shrink: f32, x: usize, bytes: usize): void {
  let s = f32x4.splat(shrink), i: usize = 0;
  for (; i + 16 <= bytes; i += 16) v128.store(y + i, madd(v128.load(y + i), s, v128.load(x + i)));
  // Of the last three the first lane alone counts: what fuses four must fuse one.
  for (; i < bytes; i += 4)
    v128.store_lane<f32>(y + i, madd(v128.load32_zero(y + i), s, v128.load32_zero(x + i)), 0);
}

/** The keys [from, to) for four queries. */
function mix4(
  weights: usize, from: i32, to: i32, v: usize, strideV: usize, y: usize, strideY: usize, headDim: i32,
): void {
  let bytes = <usize>headDim << 2, start = weights + (<usize>from << 2), stop = weights + (<usize>to << 2);
  v += strideV * from;
  let y1 = y + strideY, y2 = y1 + strideY, y3 = y2 + strideY;
  let d: usize = 0;
  for (; d + 32 <= bytes; d += 32) {
    let a0 = v128.load(y + d), a1 = v128.load(y + d, 16), b0 = v128.load(y1 + d), b1 = v128.load(y1 + d, 16);
    let c0 = v128.load(y2 + d), c1 = v128.load(y2 + d, 16), d0 = v128.load(y3 + d), d1 = v128.load(y3 + d, 16);
    let vd = v + d;
    for (let w = start; w < stop; w += 4) {
      let t = v128.load(vd), u = v128.load(vd, 16), s = v128.load32_splat(w);
      a0 = madd(s, t, a0); a1 = madd(s, u, a1); s = v128.load32_splat(w, ROW);
      b0 = madd(s, t, b0); b1 = madd(s, u, b1); s = v128.load32_splat(w, 2 * ROW);
      c0 = madd(s, t, c0); c1 = madd(s, u, c1); s = v128.load32_splat(w, 3 * ROW);
      d0 = madd(s, t, d0); d1 = madd(s, u, d1);
      vd += strideV;
    }
    v128.store(y + d, a0); v128.store(y + d, a1, 16); v128.store(y1 + d, b0); v128.store(y1 + d, b1, 16);
    v128.store(y2 + d, c0); v128.store(y2 + d, c1, 16); v128.store(y3 + d, d0); v128.store(y3 + d, d1, 16);
  }
  for (let i: usize = 0; i < 4; i++) mixRest(start + ROW * i, stop + ROW * i, v, strideV, y + strideY * i, d, bytes);
}

/** The keys [from, to), perhaps none, for one query. */
function mix1(weights: usize, from: i32, to: i32, v: usize, strideV: usize, y: usize, headDim: i32): void {
  if (from >= to) return;
  let bytes = <usize>headDim << 2, start = weights + (<usize>from << 2), stop = weights + (<usize>to << 2);
  v += strideV * from;
  let d: usize = 0;
  for (; d + 64 <= bytes; d += 64) {
    let yd = y + d, vd = v + d;
    let a0 = v128.load(yd), a1 = v128.load(yd, 16), a2 = v128.load(yd, 32), a3 = v128.load(yd, 48);
    for (let w = start; w < stop; w += 4) {
      let s = v128.load32_splat(w);
      a0 = madd(s, v128.load(vd), a0); a1 = madd(s, v128.load(vd, 16), a1);
      a2 = madd(s, v128.load(vd, 32), a2); a3 = madd(s, v128.load(vd, 48), a3);
      vd += strideV;
    }
    v128.store(yd, a0); v128.store(yd, a1, 16); v128.store(yd, a2, 32); v128.store(yd, a3, 48);
  }
  mixRest(start, stop, v, strideV, y, d, bytes);
}

/** Bytes [from, bytes) of one query's output. */
function mixRest(start: usize, stop: usize, v: usize, strideV: usize, y: usize, from: usize, bytes: usize): void {
  let d = from;
  for (; d + 16 <= bytes; d += 16) {
    let a = v128.load(y + d), vd = v + d;
    for (let w = start; w < stop; w += 4) {
      a = madd(v128.load32_splat(w), v128.load(vd), a);
      vd += strideV;
    }
    v128.store(y + d, a);
  }
  for (; d < bytes; d += 4) {
    let a = load<f32>(y + d), vd = v + d;
    for (let w = start; w < stop; w += 4) {
      a += load<f32>(w) * load<f32>(vd);
      vd += strideV;
    }
    store<f32>(y + d, a);
  }
}
