// y[T, rows] = x[T, columns] · Wᵀ + bias for a sparse W and a few tokens, one after another: the four rows of a group are
// the lanes of a vector, and each lane fetches the number of x that its entry needs. Two groups at a time, half a unit
// apart, so that one's chain of additions goes on while the other's waits, and memory is read as several long streams.

import { four, madd } from './lanes';
import { blocksOf, OF_BF16, OF_INT8, SPARSE_BLOCK } from './sparse';

/** Groups of a unit. */
export const SPARSE_GROUPS: i32 = 32;

/** Rows [first, last) of W, as sparseLinear has them; units are counted from the group of `first`. */
export function sparseVectors(
  x: usize, starts: usize, offsets: usize, values: usize, scale: usize, bias: usize, y: usize, columns: i32,
  first: i32, last: i32, tokens: i32, kind: i32, begin: i32, end: i32,
): void {
  // Sums begin with the bias; where they are scaled at the end, it is added then.
  let start: usize = kind == OF_INT8 ? 0 : bias;
  let blocks = blocksOf(columns), base = first >> 2, stop = (last + 3) >> 2, strideY = <usize>(last - first) << 2;
  for (let unit = begin; unit < end; unit++) {
    let g0 = base + unit * SPARSE_GROUPS, g1 = min(g0 + SPARSE_GROUPS, stop), middle = (g0 + g1 + 1) >> 1;
    for (let t = 0; t < tokens; t++) {
      // Row r is at to + 4·r; the bias likewise.
      let to = y + strideY * t - (<usize>first << 2), biases = start - (<usize>first << 2);
      let xt = x + (<usize>(t * columns) << 2);
      for (let g = g0; g < middle; g++) {
        let other = g + middle - g0 < g1 ? g + middle - g0 : -1;
        if (kind == OF_INT8) pair<i8>(xt, starts, offsets, values, blocks, g, other, !start, biases, to, first, last);
        else if (kind == OF_BF16) pair<u16>(xt, starts, offsets, values, blocks, g, other, !start, biases, to, first, last);
        else pair<f32>(xt, starts, offsets, values, blocks, g, other, !start, biases, to, first, last);
      }
      if (kind == OF_INT8) scaleRows(to, scale, bias, first, max(g0 << 2, first), min(g1 << 2, last));
    }
  }
}

/** sum · scale + bias for the rows [r, end). */
function scaleRows(to: usize, scale: usize, bias: usize, first: i32, r: i32, end: i32): void {
  for (; r < end; r++) {
    let at = <usize>r << 2, own = <usize>(r - first) << 2, sum = load<f32>(to + at) * load<f32>(scale + own);
    store<f32>(to + at, sum + (bias ? load<f32>(bias + own) : 0));
  }
}

/** The numbers of x that four entries need. */
// @ts-ignore: decorator
@inline
function fetched(x: usize, o: usize): v128 {
  let v = v128.load32_zero(x + (<usize>load<u8>(o) << 2));
  v = v128.load_lane<f32>(x + (<usize>load<u8>(o, 1) << 2), v, 1);
  v = v128.load_lane<f32>(x + (<usize>load<u8>(o, 2) << 2), v, 2);
  return v128.load_lane<f32>(x + (<usize>load<u8>(o, 3) << 2), v, 3);
}

/** The groups g and h (if not −1): what stands at `before` (if not none), plus their products, goes to `to`. */
function pair<V>(
  x: usize, starts: usize, offsets: usize, values: usize, blocks: i32, g: i32, h: i32, none: bool, before: usize, to: usize,
  first: i32, last: i32,
): void {
  let at = starts + (<usize>(g * blocks) << 2), end = at + (<usize>blocks << 2), begin = <usize>load<u32>(at);
  let o = offsets + begin, v = values + begin * sizeof<V>(), a = none ? f32x4.splat(0) : sumsAt(before, g << 2, first, last);
  if (h >= 0) {
    let at2 = starts + (<usize>(h * blocks) << 2);
    begin = <usize>load<u32>(at2);
    let p = offsets + begin, w = values + begin * sizeof<V>(), b = none ? f32x4.splat(0) : sumsAt(before, h << 2, first, last);
    while (at < end) {
      at += 4; at2 += 4;
      let stop = values + <usize>load<u32>(at) * sizeof<V>(), last2 = values + <usize>load<u32>(at2) * sizeof<V>();
      let both = v + min(stop - v, last2 - w);
      while (v < both) {
        a = madd(four<V>(v), fetched(x, o), a);
        b = madd(four<V>(w), fetched(x, p), b);
        v += 4 * sizeof<V>(); w += 4 * sizeof<V>(); o += 4; p += 4;
      }
      for (; w < last2; w += 4 * sizeof<V>(), p += 4) b = madd(four<V>(w), fetched(x, p), b);
      for (; v < stop; v += 4 * sizeof<V>(), o += 4) a = madd(four<V>(v), fetched(x, o), a);
      x += SPARSE_BLOCK << 2;
    }
    putSums(to, h << 2, first, last, b);
  }
  for (; at < end; x += SPARSE_BLOCK << 2) {
    at += 4;
    let stop = values + <usize>load<u32>(at) * sizeof<V>();
    for (; v < stop; v += 4 * sizeof<V>(), o += 4) a = madd(four<V>(v), fetched(x, o), a);
  }
  putSums(to, g << 2, first, last, a);
}

/** What the rows [r, r + 4) of `from` hold, as far as they are in [first, last), and 0 for others. */
function sumsAt(from: usize, r: i32, first: i32, last: i32): v128 {
  let at = from + (<usize>r << 2);
  if (r >= first && r + 4 <= last) return v128.load(at);
  let v = f32x4.splat(0);
  if (r >= first && r < last) v = v128.load_lane<f32>(at, v, 0);
  if (r + 1 >= first && r + 1 < last) v = v128.load_lane<f32>(at + 4, v, 1);
  if (r + 2 >= first && r + 2 < last) v = v128.load_lane<f32>(at + 8, v, 2);
  if (r + 3 >= first && r + 3 < last) v = v128.load_lane<f32>(at + 12, v, 3);
  return v;
}

function putSums(to: usize, r: i32, first: i32, last: i32, v: v128): void {
  let at = to + (<usize>r << 2);
  if (r >= first && r + 4 <= last) {
    v128.store(at, v);
    return;
  }
  if (r >= first && r < last) v128.store_lane<f32>(at, v, 0);
  if (r + 1 >= first && r + 1 < last) v128.store_lane<f32>(at + 4, v, 1);
  if (r + 2 >= first && r + 2 < last) v128.store_lane<f32>(at + 8, v, 2);
  if (r + 3 >= first && r + 3 < last) v128.store_lane<f32>(at + 12, v, 3);
}
