// f16 as checkpoints store it becomes f16 as the kernels take it, 1024 times as much (halves.ts), where it lies, and zeros are
// counted on the way: what loading a model does with every weight, before anything has been compiled well.

/** From this pattern on 1024 times the number is too large for f16; infinities and NaN are above it. */
const TOO_LARGE: i32 = 21 << 10;
const SMALLEST_NORMAL: i32 = 1 << 10;
/** What an exponent has more in 1024 times a number. */
const LIFT: i32 = 10 << 10;
/** What the upper 19 bits of the f32 of m have more than the pattern of m·2⁻¹⁴. */
const OF_F32: i32 = 126 << 10;

/** Lifts n patterns and returns how many are of 0; −1 where a number is too large, what is written is then undefined. */
export function lift(patterns: usize, n: i32): i32 {
  let tooLarge = i16x8.splat(0), at = patterns, end = at + (<usize>n << 1), end8 = at + (<usize>(n & ~7) << 1), zeros = 0;
  for (; at < end8; at += 16) {
    let v = v128.load(at), size = v128.and(v, i16x8.splat(0x7fff));
    tooLarge = v128.or(tooLarge, i16x8.ge_s(size, i16x8.splat(<i16>TOO_LARGE)));
    let lifted = i16x8.add(v, i16x8.splat(<i16>LIFT)), small = i16x8.lt_s(size, i16x8.splat(<i16>SMALLEST_NORMAL));
    if (v128.any_true(small)) {
      zeros += popcnt(i16x8.bitmask(i16x8.eq(size, i16x8.splat(0))));
      let normal = i16x8.narrow_i32x4_u(ofF32(i32x4.extend_low_i16x8_u(size)), ofF32(i32x4.extend_high_i16x8_u(size)));
      lifted = v128.bitselect(v128.or(normal, v128.xor(v, size)), lifted, small);
    }
    v128.store(at, lifted);
  }
  for (; at < end; at += 2) {
    let v = <i32>load<u16>(at), size = v & 0x7fff;
    if (size >= TOO_LARGE) return -1;
    if (size == 0) zeros++;
    else if (size >= SMALLEST_NORMAL) store<u16>(at, v + LIFT);
    else store<u16>(at, (v ^ size) | ((reinterpret<i32>(<f32>size) >> 13) - OF_F32));
  }
  return v128.any_true(tooLarge) ? -1 : zeros;
}

/** Patterns of m·2⁻¹⁴, less than 0 for m = 0. */
// @ts-ignore: decorator
@inline
function ofF32(m: v128): v128 {
  return i32x4.sub(i32x4.shr_s(f32x4.convert_i32x4_s(m), 13), i32x4.splat(OF_F32));
}
