// y[T, rows] = x[T, columns] · Wᵀ + bias for a sparse W and many tokens: each entry of W multiplies the tokens of a tile,
// which stay in the first cache for a strip of columns; sums of a tile wait in scratch memory, a row behind another.

import { madd } from './lanes';
import { SPARSE_NARROW, SPARSE_TILE, tileWidth, transpose4 } from './packTokens';
import { blocksOf, OF_BF16, OF_INT8, SPARSE_BLOCK, SPARSE_STRIP } from './sparse';

/** A unit is SPARSE_ROWS rows of W for SPARSE_TOKENS tokens. */
export const SPARSE_ROWS: i32 = 128;
export const SPARSE_TOKENS: i32 = 256;
/** Bytes of scratch memory of a thread. */
export const SPARSE_SCRATCH: i32 = SPARSE_ROWS * SPARSE_TILE * 4;

/**
 * Rows [first, last) of W, for tokens packed as tiles; y has last − first columns, bias as many or is 0. Units: blocks of
 * rows, counted from the group of `first`, vary fastest, then token blocks. `kind` says what the values are (sparse.ts), and
 * scale, of int8 only, has last − first.
 */
export function sparseLinear(
  packed: usize, starts: usize, counts: usize, offsets: usize, values: usize, scale: usize, bias: usize, y: usize,
  groups: i32, columns: i32, first: i32, last: i32, tokens: i32, kind: i32, scratch: usize, stride: usize, begin: i32,
  end: i32, thread: i32,
): void {
  scratch += stride * thread;
  // Sums begin with the bias; where they are scaled at the end, it is added then.
  let start: usize = kind == OF_INT8 ? 0 : bias;
  let perGroup = <usize>blocksOf(columns) << 2, base = first & ~3, rowBlocks = (last - base + SPARSE_ROWS - 1) / SPARSE_ROWS;
  for (let unit = begin; unit < end; unit++) {
    let r0 = base + (unit % rowBlocks) * SPARSE_ROWS, r1 = min(r0 + SPARSE_ROWS, last), from = max(r0, first);
    let t0 = (unit / rowBlocks) * SPARSE_TOKENS, t1 = min(t0 + SPARSE_TOKENS, tokens);
    for (let t = t0; t < t1; t += SPARSE_TILE) {
      let width = tileWidth(tokens - t), bytes = <usize>width << 2, x = packed + (<usize>columns << 2) * t;
      let sums = scratch + bytes * (from - r0);
      for (let r = from; r < r1; r++) spread(scratch + bytes * (r - r0), width, start ? load<f32>(start + (<usize>(r - first) << 2)) : 0);
      // Two strips at a time for a narrow tile: they are small, and a chain of additions hides behind the next row's only.
      let step = width == SPARSE_TILE ? SPARSE_STRIP : 2 * SPARSE_STRIP, perStrip = <usize>groups << 3, before: usize = 0;
      for (let k = 0; k < columns; k += step) {
        let inBlock = k % SPARSE_BLOCK, b = k / SPARSE_BLOCK, xb = x + bytes * (k - inBlock);
        let s = starts + (<usize>b << 2), c = counts + perStrip * ((min(k + step, columns) - 1) / SPARSE_STRIP);
        if (!inBlock) before = 0;
        if (width == SPARSE_NARROW) {
          if (kind == OF_INT8) narrow<i8>(xb, s, perGroup, before, c, offsets, values, from, r1, sums);
          else if (kind == OF_BF16) narrow<u16>(xb, s, perGroup, before, c, offsets, values, from, r1, sums);
          else narrow<f32>(xb, s, perGroup, before, c, offsets, values, from, r1, sums);
        } else if (kind == OF_INT8) wide<i8>(xb, s, perGroup, before, c, offsets, values, from, r1, sums);
        else if (kind == OF_BF16) wide<u16>(xb, s, perGroup, before, c, offsets, values, from, r1, sums);
        else wide<f32>(xb, s, perGroup, before, c, offsets, values, from, r1, sums);
        before = c;
      }
      if (kind == OF_INT8)
        for (let r = from; r < r1; r++) {
          let own = <usize>(r - first) << 2, added: f32 = bias ? load<f32>(bias + own) : 0;
          rescale(scratch + bytes * (r - r0), width, load<f32>(scale + own), added);
        }
      deliver(scratch, bytes, y + (<usize>(last - first) << 2) * t, last - first, r0, from, r1, first, min(width, tokens - t));
    }
  }
}

function spread(to: usize, width: i32, value: f32): void {
  let v = f32x4.splat(value);
  for (let end = to + (<usize>width << 2); to < end; to += 16) v128.store(to, v);
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
 * A strip of the rows [r, end) times a tile of 32 tokens, added to their sums: the entries from what `before` (0: nothing)
 * counts to what `counts` does; `perGroup` bytes lie between the starts of two groups. The way out in the middle is never taken (a row of
 * tokens does not lie at 0): it parts the loads, all of which V8 would otherwise do first, in registers that it lacks.
 */
function wide<V>(
  x: usize, starts: usize, perGroup: usize, before: usize, counts: usize, offsets: usize, values: usize, r: i32, end: i32,
  sums: usize,
): void {
  for (; r < end; r++) {
    let at = <usize>load<u32>(starts + perGroup * (r >> 2)) + (r & 3), n = <usize>load<u16>(counts + (<usize>r << 1));
    let first = before ? <usize>load<u16>(before + (<usize>r << 1)) : 0, o = offsets + at + 4 * first;
    let v = values + (at + 4 * first) * sizeof<V>(), stop = values + (at + 4 * n) * sizeof<V>();
    let a0 = v128.load(sums), a1 = v128.load(sums, 16), a2 = v128.load(sums, 32), a3 = v128.load(sums, 48);
    let b0 = v128.load(sums, 64), b1 = v128.load(sums, 80), b2 = v128.load(sums, 96), b3 = v128.load(sums, 112);
    while (v < stop) {
      let p = x + (<usize>load<u8>(o) << 7), s = value<V>(v);
      a0 = madd(s, v128.load(p), a0); a1 = madd(s, v128.load(p, 16), a1);
      a2 = madd(s, v128.load(p, 32), a2); a3 = madd(s, v128.load(p, 48), a3);
      if (!p) break;
      b0 = madd(s, v128.load(p, 64), b0); b1 = madd(s, v128.load(p, 80), b1);
      b2 = madd(s, v128.load(p, 96), b2); b3 = madd(s, v128.load(p, 112), b3);
      o += 4; v += 4 * sizeof<V>();
    }
    v128.store(sums, a0); v128.store(sums, a1, 16); v128.store(sums, a2, 32); v128.store(sums, a3, 48);
    v128.store(sums, b0, 64); v128.store(sums, b1, 80); v128.store(sums, b2, 96); v128.store(sums, b3, 112);
    sums += 4 * SPARSE_TILE;
  }
}

/** The same for a tile of 8 tokens. */
function narrow<V>(
  x: usize, starts: usize, perGroup: usize, before: usize, counts: usize, offsets: usize, values: usize, r: i32, end: i32,
  sums: usize,
): void {
  for (; r < end; r++) {
    let at = <usize>load<u32>(starts + perGroup * (r >> 2)) + (r & 3), n = <usize>load<u16>(counts + (<usize>r << 1));
    let first = before ? <usize>load<u16>(before + (<usize>r << 1)) : 0, o = offsets + at + 4 * first;
    let v = values + (at + 4 * first) * sizeof<V>(), stop = values + (at + 4 * n) * sizeof<V>();
    let a0 = v128.load(sums), a1 = v128.load(sums, 16);
    while (v < stop) {
      let p = x + (<usize>load<u8>(o) << 5), s = value<V>(v);
      a0 = madd(s, v128.load(p), a0); a1 = madd(s, v128.load(p, 16), a1);
      o += 4; v += 4 * sizeof<V>();
    }
    v128.store(sums, a0); v128.store(sums, a1, 16);
    sums += 4 * SPARSE_NARROW;
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
