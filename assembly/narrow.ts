// Numbers rounded to 16 bits, as keys and values are for a cache of half the size.

import { ELEMENTS } from './units';

/**
 * y = x over `size` numbers, as bf16: the nearest, of two the even one; too large ones become infinite, NaN stays NaN. A
 * unit is 1024 elements.
 */
export function narrow(x: usize, y: usize, size: i32, begin: i32, end: i32): void {
  let i = begin * ELEMENTS, last = min(end * ELEMENTS, size), last8 = last & ~7;
  for (; i < last8; i += 8) {
    let at = x + (<usize>i << 2);
    v128.store(y + (<usize>i << 1), i16x8.narrow_i32x4_u(rounded(v128.load(at)), rounded(v128.load(at, 16))));
  }
  for (; i < last; i++)
    store<u16>(y + (<usize>i << 1), i32x4.extract_lane(rounded(v128.load32_splat(x + (<usize>i << 2))), 0));
}

/** The patterns of bf16 of four numbers, each in 32 bits. */
function rounded(v: v128): v128 {
  let odd = v128.and(i32x4.shr_u(v, 16), i32x4.splat(1));
  let nearest = i32x4.add(v, i32x4.add(odd, i32x4.splat(0x7fff)));
  let quiet = v128.or(v, i32x4.splat(0x400000));
  return i32x4.shr_u(v128.bitselect(nearest, quiet, f32x4.eq(v, v)), 16);
}
