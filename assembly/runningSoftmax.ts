// The softmax of attention, a block of keys at a time. Scores carry the factor log₂ e, so that weights are powers of 2:
// these take half the instructions of e^x, because a whole number and a rest are all there is to separate.

import { madd, sum } from './lanes';
import { capped } from './softcap';

/** The factor that makes powers of 2 of powers of e. */
export const LOG2_E: f64 = 1.4426950408889634;
/** Keys of a block. */
export const KEYS: i32 = 64;
/** Bytes from one query's scores to those of the next: a block of them, and room for one vector before it. */
export const ROW: usize = 16 + 4 * KEYS;
/** Bytes of the constants. */
export const CONSTANTS: usize = 32;

/** 1.5·2²³ + 126: added to a small number, it leaves in the low bits of the sum the nearest whole number, plus 126. */
const BIAS: f32 = 12582912 + 126;

/** Writes the constants: loaded from memory they stay in registers, in the code newer V8 builds them at every use. */
export function storeConstants(at: usize): void {
  store<f32>(at, -126);
  store<f32>(at, BIAS, 4);
  // 2·2^f for |f| ≤ 1/2 with the smallest relative error, 1.1e-7, and none at 0.
  store<f32>(at, 2.6529455e-3, 8);
  store<f32>(at, 1.9343026e-2, 12);
  store<f32>(at, 1.1101467e-1, 16);
  store<f32>(at, 4.8044485e-1, 20);
  store<f32>(at, 1.386294, 24);
  store<f32>(at, 2, 28);
}

/**
 * The scores of a query become weights; it sees [low, high) of them. `state` holds its shift and its total so far,
 * −f32.MAX_VALUE and 0 at first. What earlier blocks have left must be
 * multiplied by the number returned.
 */
export function weigh(scores: usize, low: i32, high: i32, softcap: f32, state: usize, constants: usize): f32 {
  let begin = scores + (<usize>(low & ~15) << 2), end = scores + (<usize>((high + 15) & ~15) << 2);
  if (softcap != 0) {
    let c = f32x4.splat(softcap), f = f32x4.splat(1 / softcap);
    for (let at = begin; at < end; at += 16) v128.store(at, capped(v128.load(at), c, f));
  }
  for (let at = begin; at < scores + (<usize>low << 2); at += 4) store<f32>(at, -Infinity);
  for (let at = scores + (<usize>high << 2); at < end; at += 4) store<f32>(at, -Infinity);
  let a = f32x4.splat(-f32.MAX_VALUE), b = a, c = a, d = a;
  for (let at = begin; at < end; at += 64) {
    a = f32x4.pmax(a, v128.load(at)); b = f32x4.pmax(b, v128.load(at, 16));
    c = f32x4.pmax(c, v128.load(at, 32)); d = f32x4.pmax(d, v128.load(at, 48));
  }
  let top = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
  top = f32x4.pmax(top, v128.shuffle<f32>(top, top, 2, 3, 0, 1));
  top = f32x4.pmax(top, v128.shuffle<f32>(top, top, 1, 0, 3, 2));
  let shift = v128.load32_splat(state), total = load<f32>(state, 4), shrink: f32 = 1;
  // The shift follows only scores that are 8 above it: weights up to 2⁸ do no harm, multiplying takes time.
  if (v128.any_true(f32x4.gt(top, f32x4.add(shift, f32x4.splat(8))))) {
    v128.store(scores - 16, shift);
    shift = top;
    shrink = f32x4.extract_lane(exponentials(scores - 16, scores, shift, constants), 0);
    store<f32>(state, f32x4.extract_lane(top, 0));
  }
  store<f32>(state, total * shrink + sum(exponentials(begin, end, shift, constants)), 4);
  return shrink;
}

/**
 * Every vector x in [at, end) becomes 2^(x − shift), where x ≤ shift + 8; returns their sum. Within 3 ulp, exactly 1 at
 * 0, exactly 0 below −125.5 (and at −∞), never a denormal number, which would be slow. NaN stays NaN.
 */
function exponentials(at: usize, end: usize, shift: v128, constants: usize): v128 {
  let least = v128.load32_splat(constants), bias = v128.load32_splat(constants, 4);
  let c5 = v128.load32_splat(constants, 8), c4 = v128.load32_splat(constants, 12), c3 = v128.load32_splat(constants, 16);
  let c2 = v128.load32_splat(constants, 20), c1 = v128.load32_splat(constants, 24), c0 = v128.load32_splat(constants, 28);
  let total = f32x4.splat(0);
  for (; at < end; at += 16) {
    let x = f32x4.pmax(f32x4.sub(v128.load(at), shift), least);
    let whole = f32x4.add(x, bias), f = f32x4.sub(x, f32x4.sub(whole, bias)), g = f32x4.mul(f, f);
    let p = madd(madd(madd(c5, f, c4), g, madd(c3, f, c2)), g, madd(c1, f, c0));
    // n + 126, moved to where a number has its exponent, is 2ⁿ⁻¹, or 0 for n = −126.
    p = f32x4.mul(p, i32x4.shl(whole, 23));
    v128.store(at, p);
    total = f32x4.add(total, p);
  }
  return total;
}
