// The dot products of attention. Each is two chains of additions, over the even and over the odd columns of a head, for
// four queries (eight keys in the lanes) as for one (pairs of columns in the lanes). A single chain would have the keys
// transposed for every single query, and chains of four lanes would take four passes over the keys for many queries.
// Keys may be bf16, then they are u16 here: widened in registers, they are the same numbers in the same places. The ways out
// in the middle of their loop are never taken: they part loads (dots.ts).

import { column, scatter } from './dots';
import { four, madd } from './lanes';
import { ROW } from './runningSoftmax';

/** A number of each of four rows, as f32. */
function oneOfEach<K>(r0: usize, r1: usize, r2: usize, r3: usize): v128 {
  if (isFloat<K>()) return column(r0, r1, r2, r3);
  let v = v128.load16_lane(r1, v128.load16_lane(r0, i32x4.splat(0), 1), 3);
  return v128.load16_lane(r3, v128.load16_lane(r2, v, 5), 7);
}

/**
 * to[d] = factor·(number d of four rows), `step` bytes apart, first for the even d < n and then for the odd ones. Where
 * only `count` rows are left, fewer than four or none, the last of them is taken again.
 */
export function interleave<K>(
  to: usize, step: usize, row: usize, stride: usize, count: i32, n: i32, factor: f32,
): void {
  let last = row + stride * (count - 1), r0 = min(row, last);
  let r1 = min(r0 + stride, last), r2 = min(r1 + stride, last), r3 = min(r2 + stride, last);
  let f = f32x4.splat(factor), even = to, odd = to + step * ((n + 1) >> 1), d = 0;
  for (; d + 4 <= n; d += 4) {
    let a = four<K>(r0), b = four<K>(r1), c = four<K>(r2), e = four<K>(r3);
    let ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), ce = v128.shuffle<f32>(c, e, 0, 4, 1, 5);
    v128.store(even, f32x4.mul(v128.shuffle<f64>(ab, ce, 0, 2), f)); even += step;
    v128.store(odd, f32x4.mul(v128.shuffle<f64>(ab, ce, 1, 3), f)); odd += step;
    ab = v128.shuffle<f32>(a, b, 2, 6, 3, 7); ce = v128.shuffle<f32>(c, e, 2, 6, 3, 7);
    v128.store(even, f32x4.mul(v128.shuffle<f64>(ab, ce, 0, 2), f)); even += step;
    v128.store(odd, f32x4.mul(v128.shuffle<f64>(ab, ce, 1, 3), f)); odd += step;
    r0 += 4 * sizeof<K>(); r1 += 4 * sizeof<K>(); r2 += 4 * sizeof<K>(); r3 += 4 * sizeof<K>();
  }
  // Three columns at most, one of them odd.
  for (; d < n; d++) {
    v128.store(d & 1 ? odd : even, f32x4.mul(oneOfEach<K>(r0, r1, r2, r3), f));
    if (!(d & 1)) even += step;
    r0 += sizeof<K>(); r1 += sizeof<K>(); r2 += sizeof<K>(); r3 += sizeof<K>();
  }
}

/**
 * scores[i][j] = q[i]·k[j] for four queries and the keys [from, to), rounded outwards to multiples of 8. Both are
 * interleaved: q is [headDim][4], k is [keys/8][headDim][8].
 */
export function scores4(q: usize, k: usize, headDim: i32, from: i32, to: i32, scores: usize): void {
  let end = q + (<usize>headDim << 4), half = q + (<usize>((headDim + 1) >> 1) << 4);
  for (let j = from & ~7; j < to; j += 8) {
    let at = k + (<usize>(j * headDim) << 2), y = scores + (<usize>j << 2), p = q, stop = half;
    for (let odd = 0; odd < 2; odd++) {
      let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
      for (; p < stop; p += 16) {
        let u = v128.load(at), v = v128.load(at, 16), s = v128.load32_splat(p);
        a0 = madd(s, u, a0); a1 = madd(s, v, a1); s = v128.load32_splat(p, 4);
        b0 = madd(s, u, b0); b1 = madd(s, v, b1); s = v128.load32_splat(p, 8);
        c0 = madd(s, u, c0); c1 = madd(s, v, c1); s = v128.load32_splat(p, 12);
        d0 = madd(s, u, d0); d1 = madd(s, v, d1);
        at += 32;
      }
      put(y, a0, a1, odd); put(y + ROW, b0, b1, odd); put(y + 2 * ROW, c0, c1, odd); put(y + 3 * ROW, d0, d1, odd);
      stop = end;
    }
  }
}

/** Stores the scores of eight keys, or adds to them. */
function put(y: usize, low: v128, high: v128, add: i32): void {
  v128.store(y, add ? f32x4.add(v128.load(y), low) : low);
  v128.store(y, add ? f32x4.add(v128.load(y, 16), high) : high, 16);
}

/** scores[j] = q·k[j] for the keys [from, to), rounded outwards to multiples of 8; headDim is a multiple of 4. */
export function scores1(q: usize, k: usize, strideK: usize, headDim: i32, from: i32, to: i32, scores: usize): void {
  let last = strideK * (to - 1);
  for (let j = from & ~7; j < to; j += 8) scoresOf8<f32>(q, k, strideK, last, headDim, scores, j, 1);
}

/**
 * scores[i] for eight i, from `first` on and `step` apart, of the keys `strideK`·i behind k, or `last` where they lie further.
 * headDim is a multiple of 4, for keys of bf16 (u16) of 8.
 */
export function scoresOf8<K>(
  q: usize, k: usize, strideK: usize, last: usize, headDim: i32, scores: usize, first: i32, step: i32,
): void {
  let apart = strideK * step, o0 = strideK * first, o1 = min(o0 + apart, last), o2 = min(o1 + apart, last), o3 = min(o2 + apart, last);
  let o4 = min(o3 + apart, last), o5 = min(o4 + apart, last), o6 = min(o5 + apart, last), o7 = min(o6 + apart, last);
  let k0 = k + o0, k1 = k + o1, k2 = k + o2, k3 = k + o3, k4 = k + o4, k5 = k + o5, k6 = k + o6, k7 = k + o7;
  let p = q, end = q + (<usize>headDim << 2), low = f32x4.splat(0), high = low;
  if (isFloat<K>()) {
    let a = low, b = low, c = low, d = low;
    for (; p < end; p += 16) {
      let u = v128.load64_splat(p), v = v128.load64_splat(p, 8), x = v128.load(k0), y = v128.load(k1);
      a = madd(u, v128.shuffle<f64>(x, y, 0, 2), a); a = madd(v, v128.shuffle<f64>(x, y, 1, 3), a);
      x = v128.load(k2); y = v128.load(k3);
      b = madd(u, v128.shuffle<f64>(x, y, 0, 2), b); b = madd(v, v128.shuffle<f64>(x, y, 1, 3), b);
      x = v128.load(k4); y = v128.load(k5);
      c = madd(u, v128.shuffle<f64>(x, y, 0, 2), c); c = madd(v, v128.shuffle<f64>(x, y, 1, 3), c);
      x = v128.load(k6); y = v128.load(k7);
      d = madd(u, v128.shuffle<f64>(x, y, 0, 2), d); d = madd(v, v128.shuffle<f64>(x, y, 1, 3), d);
      k0 += 16; k1 += 16; k2 += 16; k3 += 16; k4 += 16; k5 += 16; k6 += 16; k7 += 16;
    }
    low = f32x4.add(v128.shuffle<f32>(a, b, 0, 2, 4, 6), v128.shuffle<f32>(a, b, 1, 3, 5, 7));
    high = f32x4.add(v128.shuffle<f32>(c, d, 0, 2, 4, 6), v128.shuffle<f32>(c, d, 1, 3, 5, 7));
  } else {
    // A pair of columns of a key is a word of 32 bits: words of four keys are brought side by side, and hold an even column
    // in their lower halves and an odd one in their upper halves.
    let even0 = low, odd0 = low, even1 = low, odd1 = low;
    for (; p < end; p += 32) {
      let a: v128, b: v128, c: v128, d: v128, ab: v128, cd: v128, w: v128;
      a = v128.load(k0); b = v128.load(k1); c = v128.load(k2); d = v128.load(k3);
      ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5); cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5); w = v128.shuffle<u64>(ab, cd, 0, 2);
      even0 = madd(v128.load32_splat(p), evens(w), even0); odd0 = madd(v128.load32_splat(p, 4), odds(w), odd0); w = v128.shuffle<u64>(ab, cd, 1, 3);
      even0 = madd(v128.load32_splat(p, 8), evens(w), even0); odd0 = madd(v128.load32_splat(p, 12), odds(w), odd0);
      if (!k0) break;
      ab = v128.shuffle<u32>(a, b, 2, 6, 3, 7); cd = v128.shuffle<u32>(c, d, 2, 6, 3, 7); w = v128.shuffle<u64>(ab, cd, 0, 2);
      even0 = madd(v128.load32_splat(p, 16), evens(w), even0); odd0 = madd(v128.load32_splat(p, 20), odds(w), odd0); w = v128.shuffle<u64>(ab, cd, 1, 3);
      even0 = madd(v128.load32_splat(p, 24), evens(w), even0); odd0 = madd(v128.load32_splat(p, 28), odds(w), odd0);
      if (!k4) break;
      a = v128.load(k4); b = v128.load(k5); c = v128.load(k6); d = v128.load(k7);
      ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5); cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5); w = v128.shuffle<u64>(ab, cd, 0, 2);
      even1 = madd(v128.load32_splat(p), evens(w), even1); odd1 = madd(v128.load32_splat(p, 4), odds(w), odd1); w = v128.shuffle<u64>(ab, cd, 1, 3);
      even1 = madd(v128.load32_splat(p, 8), evens(w), even1); odd1 = madd(v128.load32_splat(p, 12), odds(w), odd1);
      if (!k5) break;
      ab = v128.shuffle<u32>(a, b, 2, 6, 3, 7); cd = v128.shuffle<u32>(c, d, 2, 6, 3, 7); w = v128.shuffle<u64>(ab, cd, 0, 2);
      even1 = madd(v128.load32_splat(p, 16), evens(w), even1); odd1 = madd(v128.load32_splat(p, 20), odds(w), odd1); w = v128.shuffle<u64>(ab, cd, 1, 3);
      even1 = madd(v128.load32_splat(p, 24), evens(w), even1); odd1 = madd(v128.load32_splat(p, 28), odds(w), odd1);
      k0 += 16; k1 += 16; k2 += 16; k3 += 16; k4 += 16; k5 += 16; k6 += 16; k7 += 16;
    }
    low = f32x4.add(even0, odd0); high = f32x4.add(even1, odd1);
  }
  let at = scores + (<usize>first << 2), gap = <usize>step << 2;
  scatter(at, gap, low);
  scatter(at + 4 * gap, gap, high);
}

/** The numbers whose patterns are the lower halves. */
// @ts-ignore: decorator
@inline
function evens(w: v128): v128 {
  return i32x4.shl(w, 16);
}

/** The numbers whose patterns are the upper halves. */
// @ts-ignore: decorator
@inline
function odds(w: v128): v128 {
  return v128.shuffle<u16>(i32x4.splat(0), w, 0, 9, 2, 11, 4, 13, 6, 15);
}
