// Numbers rounded to 16 bits, as keys and values are for a cache of half the size.

import { nearestBF16 } from './halves';
import { ELEMENTS } from './units';

/**
 * y = x over `size` numbers, as bf16: the nearest, of two the even one; too large ones become infinite, NaN stays NaN. A
 * unit is 1024 elements.
 */
export function narrow(x: usize, y: usize, size: i32, begin: i32, end: i32): void {
  let i = begin * ELEMENTS, last = min(end * ELEMENTS, size), last8 = last & ~7;
  for (; i < last8; i += 8) {
    let at = x + (<usize>i << 2);
    v128.store(y + (<usize>i << 1), i16x8.narrow_i32x4_u(nearestBF16(v128.load(at)), nearestBF16(v128.load(at, 16))));
  }
  for (; i < last; i++)
    store<u16>(y + (<usize>i << 1), i32x4.extract_lane(nearestBF16(v128.load32_splat(x + (<usize>i << 2))), 0));
}
