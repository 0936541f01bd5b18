// y[T, rows] = x[T, columns] · Wᵀ + bias for a W held by columns, Wᵀ[columns, rows]: of each token only the columns are read
// at which it is not 0 (listColumns.ts). Every sum is one chain over these columns, in their order, that begins with the
// bias: it has the same bits for a token alone and among others, however rows are divided, and in 16 bits those of f32.

import { BF16, CONSTANTS, high, low, one, storeConstants } from './halves';
import { madd } from './lanes';
import { LIST_HEAD, listBytes } from './listColumns';

/** Bytes of scratch memory of a thread. */
export const COLUMN_SCRATCH: i32 = <i32>CONSTANTS;

/**
 * Units are `stretch` rows of one token; tokens vary fastest. Sums are in the first cache, where columns, which come from
 * memory, meet them four at a time: the longer a stretch, the better memory is read. bias may be 0; `kind` says what W is
 * (halves.ts).
 */
export function columnLinear(
  lists: usize, w: usize, bias: usize, y: usize, columns: i32, rows: i32, tokens: i32, kind: i32, stretch: i32,
  scratch: usize, stride: usize, begin: i32, end: i32, thread: i32,
): void {
  scratch += stride * thread;
  if (kind) storeConstants(scratch);
  let column = <usize>rows << (kind ? 1 : 2);
  for (let unit = begin; unit < end; unit++) {
    let t = unit % tokens, r0 = unit / tokens * stretch, n = min(stretch, rows - r0), at = <usize>r0 << 2;
    let list = lists + listBytes(columns) * t, yt = y + (<usize>rows << 2) * t + at;
    startSums(yt, bias ? bias + at : 0, n);
    if (!kind) addColumns<f32>(list, w + at, column, yt, n, scratch);
    else if (kind == BF16) addColumns<u16>(list, w + (at >> 1), column, yt, n, scratch);
    else addColumns<i16>(list, w + (at >> 1), column, yt, n, scratch);
  }
}

function startSums(y: usize, bias: usize, n: i32): void {
  if (bias) memory.copy(y, bias, <usize>n << 2);
  else memory.fill(y, 0, <usize>n << 2);
}

/** Four rows of a column, and one. */
// @ts-ignore: decorator
@inline
function four<H>(at: usize, mask: v128, factor: v128): v128 {
  return sizeof<H>() == 4 ? v128.load(at) : low<H>(v128.load64_zero(at), mask, factor);
}

// @ts-ignore: decorator
@inline
function single<H>(at: usize, constants: usize): v128 {
  return sizeof<H>() == 4 ? v128.load32_zero(at) : f32x4.splat(one<H>(at, constants));
}

/** Adds to n sums; columns of W are `column` bytes apart. */
function addColumns<H>(list: usize, w: usize, column: usize, y: usize, n: i32, constants: usize): void {
  let m = v128.load(constants), f = v128.load(constants, 16);
  let entry = list + LIST_HEAD, end = entry + (<usize>load<u32>(list) << 3), end4 = end - 24;
  let y8 = y + (<usize>(n & ~7) << 2), stop = y + (<usize>n << 2);
  for (; entry < end4; entry += 32) {
    let c0 = w + column * load<u32>(entry), c1 = w + column * load<u32>(entry, 8);
    let c2 = w + column * load<u32>(entry, 16), c3 = w + column * load<u32>(entry, 24);
    let x0 = v128.load32_splat(entry, 4), x1 = v128.load32_splat(entry, 12);
    let x2 = v128.load32_splat(entry, 20), x3 = v128.load32_splat(entry, 28), to = y;
    for (; to < y8; to += 32) {
      let a = v128.load(to), b = v128.load(to, 16);
      if (sizeof<H>() == 4) {
        a = madd(x0, v128.load(c0), a); b = madd(x0, v128.load(c0, 16), b);
        a = madd(x1, v128.load(c1), a); b = madd(x1, v128.load(c1, 16), b);
        a = madd(x2, v128.load(c2), a); b = madd(x2, v128.load(c2, 16), b);
        a = madd(x3, v128.load(c3), a); b = madd(x3, v128.load(c3, 16), b);
      } else {
        let h = v128.load(c0);
        a = madd(x0, low<H>(h, m, f), a); b = madd(x0, high<H>(h, m, f), b); h = v128.load(c1);
        a = madd(x1, low<H>(h, m, f), a); b = madd(x1, high<H>(h, m, f), b); h = v128.load(c2);
        a = madd(x2, low<H>(h, m, f), a); b = madd(x2, high<H>(h, m, f), b); h = v128.load(c3);
        a = madd(x3, low<H>(h, m, f), a); b = madd(x3, high<H>(h, m, f), b);
      }
      v128.store(to, a); v128.store(to, b, 16);
      c0 += 8 * sizeof<H>(); c1 += 8 * sizeof<H>(); c2 += 8 * sizeof<H>(); c3 += 8 * sizeof<H>();
    }
    for (; to < stop; to += 4) {
      let a = madd(x1, single<H>(c1, constants), madd(x0, single<H>(c0, constants), v128.load32_zero(to)));
      a = madd(x3, single<H>(c3, constants), madd(x2, single<H>(c2, constants), a));
      v128.store_lane<f32>(to, a, 0);
      c0 += sizeof<H>(); c1 += sizeof<H>(); c2 += sizeof<H>(); c3 += sizeof<H>();
    }
  }
  for (; entry < end; entry += 8) {
    let c = w + column * load<u32>(entry), x = v128.load32_splat(entry, 4), to = y;
    for (; to < y8; to += 32, c += 8 * sizeof<H>()) {
      v128.store(to, madd(x, four<H>(c, m, f), v128.load(to)));
      v128.store(to, madd(x, four<H>(c + 4 * sizeof<H>(), m, f), v128.load(to, 16)), 16);
    }
    for (; to < stop; to += 4, c += sizeof<H>())
      v128.store_lane<f32>(to, madd(x, single<H>(c, constants), v128.load32_zero(to)), 0);
  }
}
