// f16 as checkpoints store it becomes f16 as the kernels take it, 1024 times as much (halves.ts), where it lies, and the zeros of
// each block of a row are counted on the way: what loading a model does with every weight, before anything has been compiled well.

import { SPARSE_BLOCK } from './sparse';

/** From this pattern on 1024 times the number is too large for f16; infinities and NaN are above it. */
const TOO_LARGE: i32 = 21 << 10;
const SMALLEST_NORMAL: i32 = 1 << 10;
/** What an exponent has more in 1024 times a number. */
const LIFT: i32 = 10 << 10;
/** What the upper 19 bits of the f32 of m have more than the pattern of m·2⁻¹⁴. */
const OF_F32: i32 = 126 << 10;

/**
 * Lifts patterns[rows, n] and writes the zeros of each block of columns, zeros[rows, blocks], i32; 0 where a number is too
 * large, what is written is then undefined.
 */
export function liftRows(patterns: usize, n: i32, rows: i32, zeros: usize): i32 {
  let tooLarge = i16x8.splat(0), bytes = <usize>n << 1;
  for (let r = 0; r < rows; r++, patterns += bytes)
    for (let k: usize = 0; k < bytes; k += SPARSE_BLOCK << 1, zeros += 4) {
      let at = patterns + k, end = patterns + min(k + (SPARSE_BLOCK << 1), bytes), end8 = at + ((end - at) & ~15), found = 0;
      for (; at < end8; at += 16) {
        let v = v128.load(at), size = v128.and(v, i16x8.splat(0x7fff));
        tooLarge = v128.or(tooLarge, i16x8.ge_s(size, i16x8.splat(<i16>TOO_LARGE)));
        let lifted = i16x8.add(v, i16x8.splat(<i16>LIFT)), small = i16x8.lt_s(size, i16x8.splat(<i16>SMALLEST_NORMAL));
        if (v128.any_true(small)) {
          found += popcnt(i16x8.bitmask(i16x8.eq(size, i16x8.splat(0))));
          let normal = i16x8.narrow_i32x4_u(ofF32(i32x4.extend_low_i16x8_u(size)), ofF32(i32x4.extend_high_i16x8_u(size)));
          lifted = v128.bitselect(v128.or(normal, v128.xor(v, size)), lifted, small);
        }
        v128.store(at, lifted);
      }
      for (; at < end; at += 2) {
        let v = <i32>load<u16>(at), size = v & 0x7fff;
        if (size >= TOO_LARGE) return 0;
        if (size == 0) found++;
        else if (size >= SMALLEST_NORMAL) store<u16>(at, v + LIFT);
        else store<u16>(at, (v ^ size) | ((reinterpret<i32>(<f32>size) >> 13) - OF_F32));
      }
      store<i32>(zeros, found);
    }
  return <i32>!v128.any_true(tooLarge);
}

/** Patterns of m·2⁻¹⁴, less than 0 for m = 0. */
// @ts-ignore: decorator
@inline
function ofF32(m: v128): v128 {
  return i32x4.sub(i32x4.shr_s(f32x4.convert_i32x4_s(m), 13), i32x4.splat(OF_F32));
}
