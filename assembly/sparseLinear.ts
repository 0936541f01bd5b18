// y[T, rows] = x[T, columns] · Wᵀ + bias for a sparse W and many tokens: each entry of W multiplies the tokens of a tile,
// which stay in the first cache for a strip of columns; sums of a tile wait in scratch memory, a row behind another.

import { madd } from './lanes';
import { SPARSE_NARROW, SPARSE_TILE, tileWidth, transpose4 } from './packTokens';
import { OF_BF16, OF_INT8, SPARSE_ROWS, SPARSE_STRIP, startOf } from './sparse';
import { bytesOf, SPARSE_NEAR } from './sparseSteps';

/** A unit is a window of W for SPARSE_TOKENS tokens. */
export const SPARSE_TOKENS: i32 = 256;
/** Bytes of a window up to which it is touched: about what a second cache holds, or its beginning would be gone again. */
const TOUCHED: usize = 1 << 20;
/** Bytes of scratch memory of a thread: where each place of a window has come to, and the sums of its rows; steps may follow. */
export const SPARSE_SCRATCH: i32 = SPARSE_ROWS * (8 + SPARSE_TILE * 4);

/**
 * Rows [first, last) of W, for tokens packed as tiles; y has last − first columns, bias as many or is 0. Units: windows, counted
 * from that of `first`, vary fastest, then token blocks. `kind` says what the values are (sparse.ts), `far` the
 * longest step, and scale, of int8 only, has last − first.
 */
export function sparseLinear(
  packed: usize, starts: usize, order: usize, counts: usize, steps: usize, values: usize, scale: usize, bias: usize, y: usize,
  groups: i32, columns: i32, first: i32, last: i32, tokens: i32, kind: i32, far: i32, scratch: usize, stride: usize,
  begin: i32, end: i32, thread: i32,
): void {
  let cursors = scratch + stride * thread, sums = cursors + (SPARSE_ROWS << 3), perStrip = <usize>groups << 2;
  let base = first & -SPARSE_ROWS, windows = (last - base + SPARSE_ROWS - 1) / SPARSE_ROWS;
  for (let unit = begin; unit < end; unit++) {
    let r0 = base + (unit % windows) * SPARSE_ROWS, r1 = min(r0 + SPARSE_ROWS, last), from = max(r0, first);
    let places = min(SPARSE_ROWS, (groups << 2) - r0), rows = order + r0, low = <usize>(from - r0), high = <usize>(r1 - r0);
    let e0 = startOf(starts, r0), e1 = startOf(starts, r0 + places), bytes: usize = kind == OF_INT8 ? 1 : kind == OF_BF16 ? 2 : 4;
    let near = bytesOf(steps, far, e0, e1, cursors + SPARSE_SCRATCH);
    if ((e1 - e0) * (bytes + 1) <= TOUCHED) {
      touch(values + e0 * bytes, values + e1 * bytes);
      if (far != SPARSE_NEAR) touch(steps + e0, steps + e1);
    }
    let t0 = (unit / windows) * SPARSE_TOKENS, t1 = min(t0 + SPARSE_TOKENS, tokens);
    for (let t = t0; t < t1; t += SPARSE_TILE) {
      let width = tileWidth(tokens - t), ofTile = <usize>width << 2;
      for (let i = 0; i < places; i++) {
        let cursor = cursors + (<usize>i << 3);
        store<u32>(cursor, <u32>startOf(starts, r0 + i) + (i & 3));
        store<u32>(cursor, <u32>(packed + (<usize>columns << 2) * t), 4);
      }
      memory.fill(sums, 0, ofTile * places);
      // Two strips at a time for a narrow tile: they are small, and a chain of additions hides behind the next row's only.
      for (let k = 0, c = counts + r0; k < columns; k += SPARSE_STRIP, c += perStrip) {
        if (width == SPARSE_NARROW) {
          let next = k + SPARSE_STRIP < columns ? c + perStrip : 0;
          if (kind == OF_INT8) narrow<i8>(cursors, rows, c, next, near, values, places, low, high, sums);
          else if (kind == OF_BF16) narrow<u16>(cursors, rows, c, next, near, values, places, low, high, sums);
          else narrow<f32>(cursors, rows, c, next, near, values, places, low, high, sums);
          k += SPARSE_STRIP; c += perStrip;
        } else if (kind == OF_INT8) wide<i8>(cursors, rows, c, near, values, places, low, high, sums);
        else if (kind == OF_BF16) wide<u16>(cursors, rows, c, near, values, places, low, high, sums);
        else wide<f32>(cursors, rows, c, near, values, places, low, high, sums);
      }
      for (let r = from; r < r1 && scale | bias; r++) {
        let own = <usize>(r - first) << 2;
        rescale(sums + ofTile * (r - r0), width, scale ? load<f32>(scale + own) : 1, bias ? load<f32>(bias + own) : 0);
      }
      deliver(sums, ofTile, y + (<usize>(last - first) << 2) * t, last - first, r0, from, r1, first, min(width, tokens - t));
    }
  }
}

/**
 * Loads from each cache line of [at, end), in order. Strips meet a few hundred bytes of each group at a time, which no
 * processor reads ahead: 8 tokens took a fifth longer. No compiler drops a load, which may trap.
 */
function touch(at: usize, end: usize): void {
  for (at &= -64; at < end; at += 64) load<u8>(at);
}

/** sum · scale + bias of a tile's tokens. */
function rescale(at: usize, width: i32, scale: f32, bias: f32): void {
  let s = f32x4.splat(scale), b = f32x4.splat(bias);
  for (let end = at + (<usize>width << 2); at < end; at += 16) v128.store(at, f32x4.add(f32x4.mul(v128.load(at), s), b));
}

/** A value, in four lanes. */
// @ts-ignore: decorator
@inline
function value<V>(at: usize): v128 {
  if (sizeof<V>() == 1) return f32x4.splat(<f32>load<i8>(at));
  if (sizeof<V>() == 2) return i32x4.splat(<i32>load<u16>(at) << 16);
  return v128.load32_splat(at);
}

/**
 * A strip of the rows [low, high) of a window times a tile of 32 tokens, added to their sums. A cursor is the next entry of a place (u32), and
 * the tokens' numbers at the column of the last one (u32). The way out in the middle is never taken (no tokens lie at 0): it
 * parts the loads, all of which V8 would otherwise do first, in registers that it lacks.
 */
function wide<V>(
  cursors: usize, order: usize, counts: usize, steps: usize, values: usize, places: i32, low: usize, high: usize, sums: usize,
): void {
  for (let end = order + places; order < end; order++, cursors += 8) {
    let row = <usize>load<u8>(order);
    if (row < low || row >= high) continue;
    let at = <usize>load<u32>(cursors), p = <usize>load<u32>(cursors, 4), to = sums + row * (SPARSE_TILE << 2);
    let next = at + (<usize>load<u8>(counts + row) << 2), o = steps + at, v = values + at * sizeof<V>(), stop = values + next * sizeof<V>();
    let a0 = v128.load(to), a1 = v128.load(to, 16), a2 = v128.load(to, 32), a3 = v128.load(to, 48);
    let b0 = v128.load(to, 64), b1 = v128.load(to, 80), b2 = v128.load(to, 96), b3 = v128.load(to, 112);
    store<u32>(cursors, <u32>next);
    while (v < stop) {
      p += <usize>load<u8>(o) << 7;
      let s = value<V>(v);
      a0 = madd(s, v128.load(p), a0); a1 = madd(s, v128.load(p, 16), a1);
      a2 = madd(s, v128.load(p, 32), a2); a3 = madd(s, v128.load(p, 48), a3);
      if (!p) break;
      b0 = madd(s, v128.load(p, 64), b0); b1 = madd(s, v128.load(p, 80), b1);
      b2 = madd(s, v128.load(p, 96), b2); b3 = madd(s, v128.load(p, 112), b3);
      o += 4; v += 4 * sizeof<V>();
    }
    store<u32>(cursors, <u32>p, 4);
    v128.store(to, a0); v128.store(to, a1, 16); v128.store(to, a2, 32); v128.store(to, a3, 48);
    v128.store(to, b0, 64); v128.store(to, b1, 80); v128.store(to, b2, 96); v128.store(to, b3, 112);
  }
}

/** The same for a tile of 8 tokens, and for two strips, of which the second may be none. */
function narrow<V>(
  cursors: usize, order: usize, counts: usize, more: usize, steps: usize, values: usize, places: i32, low: usize, high: usize,
  sums: usize,
): void {
  for (let end = order + places; order < end; order++, cursors += 8) {
    let row = <usize>load<u8>(order);
    if (row < low || row >= high) continue;
    let at = <usize>load<u32>(cursors), p = <usize>load<u32>(cursors, 4), to = sums + row * (SPARSE_NARROW << 2);
    let next = at + (<usize>load<u8>(counts + row) << 2) + (more ? <usize>load<u8>(more + row) << 2 : 0);
    let o = steps + at, v = values + at * sizeof<V>(), stop = values + next * sizeof<V>();
    let a0 = v128.load(to), a1 = v128.load(to, 16);
    store<u32>(cursors, <u32>next);
    while (v < stop) {
      p += <usize>load<u8>(o) << 5;
      let s = value<V>(v);
      a0 = madd(s, v128.load(p), a0); a1 = madd(s, v128.load(p, 16), a1);
      o += 4; v += 4 * sizeof<V>();
    }
    store<u32>(cursors, <u32>p, 4);
    v128.store(to, a0); v128.store(to, a1, 16);
  }
}

/**
 * The sums of rows [from, r1), which begin r0 rows further, to y[count tokens, rows], column r − first: token by token, so
 * that what is written lies together.
 */
function deliver(
  sums: usize, bytes: usize, y: usize, rows: i32, r0: i32, from: i32, r1: i32, first: i32, count: i32,
): void {
  let strideY = <usize>rows << 2, t = 0, start = sums + bytes * (from - r0), column = y + (<usize>(from - first) << 2);
  for (; t + 4 <= count; t += 4) {
    let s = start + (<usize>t << 2), to = column + strideY * t, r = from;
    for (; r + 4 <= r1; r += 4) {
      transpose4(v128.load(s), v128.load(s + bytes), v128.load(s + 2 * bytes), v128.load(s + 3 * bytes), to, strideY);
      s += bytes << 2; to += 16;
    }
    for (; r < r1; r++) {
      let v = v128.load(s);
      v128.store_lane<f32>(to, v, 0);
      v128.store_lane<f32>(to + strideY, v, 1);
      v128.store_lane<f32>(to + 2 * strideY, v, 2);
      v128.store_lane<f32>(to + 3 * strideY, v, 3);
      s += bytes; to += 4;
    }
  }
  for (; t < count; t++) {
    let s = start + (<usize>t << 2), to = column + strideY * t;
    for (let r = from; r < r1; r++) {
      store<f32>(to, load<f32>(s));
      s += bytes; to += 4;
    }
  }
}
