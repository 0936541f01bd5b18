// The three dtypes whose values this project computes with, between their stored bytes and f32.
// Stored numbers are little endian, as is every machine Node runs on that has WebAssembly SIMD.

import { CheckpointError } from '../errors.js';
import { narrowBF16, narrowF16, widenBF16, widenF16 } from '../tensor/half.js';
import type { StoredDtype } from './safetensors-header.js';

/** A dtype that can be read as, and written from, f32. */
export type FloatDtype = 'F32' | 'F16' | 'BF16';

/** Throws a CheckpointError unless `dtype` is one whose values can be read; `where` names file and tensor. */
export function assertFloatDtype(dtype: StoredDtype, where: string): asserts dtype is FloatDtype {
  if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16')
    throw new CheckpointError({ expected: 'weights stored as F32, F16 or BF16', got: dtype, where });
}

/** Stored bytes (a buffer of their own) as f32. F32 comes back as a view, without a copy. */
export function decodeFloats(bytes: ArrayBuffer, dtype: FloatDtype): Float32Array {
  if (dtype === 'F32') return new Float32Array(bytes);
  const patterns = new Uint16Array(bytes);
  const values = new Float32Array(patterns.length);
  (dtype === 'F16' ? widenF16 : widenBF16)(patterns, values);
  return values;
}

/**
 * f32 values as the bytes of `dtype`, rounded to nearest; what is too large becomes infinity.
 * Throws a CheckpointError for a dtype that is not F32, F16 or BF16.
 */
export function encodeFloats(values: Float32Array, dtype: StoredDtype): Uint8Array {
  assertFloatDtype(dtype, 'encodeFloats');
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
  const patterns = new Uint16Array(values.length);
  (dtype === 'F16' ? narrowF16 : narrowBF16)(values, patterns);
  return new Uint8Array(patterns.buffer);
}

/** Index of the first NaN or infinity, -1 where all are finite. */
export function firstNonFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (values[i] - values[i] !== 0) return i;
  return -1;
}
