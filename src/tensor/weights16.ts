// Weights of 16 bits as backends hold them. bf16 is what checkpoints call so. f16 holds 1024 times the weight: most weights
// are small, f16 has subnormal numbers there, and processors are slow with what these become in f32. No bit is lost.

import type { DType } from './dtype.js';
import { narrowBF16, narrowF16, widenBF16, widenF16 } from './half.js';

/** In the order in which kernels number them, from 1. */
export const WEIGHTS_16 = ['bf16', 'f16'] as const;
export type Weights16 = (typeof WEIGHTS_16)[number];

const LIFT = 1024;
/** As f32 patterns: 2⁻²⁴, the smallest f16, and 64, which 1024 times is too much for it. */
const SMALLEST = 0x33800000;
const TOO_LARGE = 0x42800000;
/** What the exponent of 1024 times a number has less as f16 than that number as f32, where f16 has it. */
const EXPONENT = (127 - 15 - 10) << 10;

/** What a backend holds for these numbers; null where the dtype cannot hold every one of them exactly. */
export function patternsOf(dtype: Weights16, values: Float32Array): Uint16Array | null {
  const patterns = new Uint16Array(values.length);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let lost = 0;
  if (dtype === 'bf16')
    for (let i = 0; i < bits.length; i++) {
      patterns[i] = bits[i] >>> 16;
      lost |= bits[i] & 0xffff;
    }
  else
    for (let i = 0; i < bits.length; i++) {
      const size = bits[i] & 0x7fffffff;
      if (size !== 0 && (size < SMALLEST || size >= TOO_LARGE)) return null;
      patterns[i] = ((bits[i] >>> 16) & 0x8000) | (size === 0 ? 0 : (size >>> 13) - EXPONENT);
      lost |= bits[i] & 0x1fff;
    }
  return lost === 0 ? patterns : null;
}

/** The same for patterns of f16 as checkpoints have them; null where 1024 times a number is too large for f16. */
export function liftF16(stored: Uint16Array): Uint16Array | null {
  const patterns = new Uint16Array(stored.length);
  // Two at a time where they lie so: nearly all are normal numbers that stay so, to which 10 is added in the exponent.
  const pairs = stored.byteOffset % 4 === 0 ? stored.length >> 1 : 0;
  const from = pairs ? new Uint32Array(stored.buffer, stored.byteOffset, pairs) : new Uint32Array(0);
  const to = new Uint32Array(patterns.buffer, 0, pairs);
  for (let i = 0; i < pairs; i++) {
    const both = from[i];
    if (staysNormal(both & 0x7fff) && staysNormal((both >>> 16) & 0x7fff)) to[i] = both + ((10 << 26) | (10 << 10));
    else for (const k of [2 * i, 2 * i + 1]) if (!lift(stored, patterns, k)) return null;
  }
  for (let i = 2 * pairs; i < stored.length; i++) if (!lift(stored, patterns, i)) return null;
  return patterns;
}

const staysNormal = (size: number) => size >= 1 << 10 && size < 21 << 10;

/** Lifts one of them, unless it is too large. */
function lift(stored: Uint16Array, patterns: Uint16Array, i: number): boolean {
  const sign = stored[i] & 0x8000;
  const size = stored[i] & 0x7fff;
  if (size >= 21 << 10) return false;
  if (size >= 1 << 10) patterns[i] = sign | (size + (10 << 10));
  else if (size === 0) patterns[i] = sign;
  else {
    // m·2⁻²⁴ becomes m·2⁻¹⁴: the highest bit of m says the exponent, what is below it the mantissa.
    const highest = 31 - Math.clz32(size);
    patterns[i] = sign | ((highest + 1) << 10) | ((size << (10 - highest)) & 0x3ff);
  }
  return true;
}

/** The numbers that a backend's patterns stand for. */
export function valuesOf(dtype: Weights16, patterns: Uint16Array): Float32Array {
  const values = new Float32Array(patterns.length);
  if (dtype === 'bf16') widenBF16(patterns, values);
  else {
    widenF16(patterns, values);
    for (let i = 0; i < values.length; i++) values[i] /= LIFT;
  }
  return values;
}

/** What a backend holds that is nearest to these numbers. */
export function nearestPatterns(dtype: Weights16, values: ArrayLike<number>): Uint16Array {
  const patterns = new Uint16Array(values.length);
  const factor = dtype === 'f16' ? LIFT : 1;
  const narrow = dtype === 'f16' ? narrowF16 : narrowBF16;
  narrow(
    Float32Array.from(values, (value) => factor * value),
    patterns,
  );
  return patterns;
}

/** What all elements of a tensor are set to that shall be this number: the nearest pattern, or the number itself. */
export const patternOf = (dtype: DType, value: number): number =>
  dtype === 'bf16' || dtype === 'f16' ? nearestPatterns(dtype, [value])[0] : value;
