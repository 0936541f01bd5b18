// One step of the weight update by ADMM, but for its product with the inverse: five matrices read, two written, once.

import { madd } from './lanes';
import { ELEMENTS } from './units';

/**
 * With s = x + u, and z = s where kept ≠ 0 and 0 elsewhere: u = s − z, right = b + rho·(z − u), over `size` f32 each.
 * A unit is 1024 elements.
 */
export function admmStep(
  right: usize, u: usize, x: usize, b: usize, kept: usize, size: i32, rho: f32, begin: i32, end: i32,
): void {
  let i = <usize>(begin * ELEMENTS) << 2, last = min(<usize>(end * ELEMENTS), <usize>size) << 2, last4 = last & ~15;
  let rhos = f32x4.splat(rho), zero = f32x4.splat(0);
  for (; i < last4; i += 16) {
    let s = f32x4.add(v128.load(x + i), v128.load(u + i));
    let z = v128.and(s, f32x4.ne(v128.load(kept + i), zero));
    let rest = f32x4.sub(s, z);
    v128.store(u + i, rest);
    v128.store(right + i, madd(rhos, f32x4.sub(z, rest), v128.load(b + i)));
  }
  for (; i < last; i += 4) {
    let s = load<f32>(x + i) + load<f32>(u + i);
    let z: f32 = load<f32>(kept + i) != 0 ? s : 0;
    let rest = s - z;
    store<f32>(u + i, rest);
    store<f32>(right + i, f32x4.extract_lane(madd(rhos, f32x4.splat(z - rest), v128.load32_splat(b + i)), 0));
  }
}
