// The dtypes whose values this project computes with, between their stored bytes and f32.
// Stored numbers are little endian, as is every machine Node runs on that has WebAssembly SIMD.

import { CheckpointError, OutputError } from '../errors.js';
import { narrowE4M3, narrowE5M2, widenE4M3, widenE5M2 } from '../tensor/float8.js';
import { narrowBF16, narrowF16, widenBF16, widenF16 } from '../tensor/half.js';
import type { StoredDtype } from './stored-dtype.js';

/** A dtype that can be read as, and written from, f32. */
export type FloatDtype = 'F64' | 'F32' | 'F16' | 'BF16' | 'F8_E4M3' | 'F8_E5M2';

const floatDtypes: readonly string[] = ['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2'] satisfies FloatDtype[];

/** Throws a CheckpointError unless `dtype` is one whose values can be read; `where` names file and tensor. */
export function assertFloatDtype(dtype: StoredDtype, where: string): asserts dtype is FloatDtype {
  if (floatDtypes.includes(dtype)) return;
  const expected = `weights stored as ${floatDtypes.slice(0, -1).join(', ')} or ${floatDtypes.at(-1)}`;
  throw new CheckpointError({ expected, got: dtype, where });
}

/**
 * Stored bytes (a buffer of their own) as f32. F32 comes back as a view, without a copy; F64 is rounded to nearest, what
 * is too large for f32 becomes infinity.
 */
export function decodeFloats(bytes: ArrayBuffer, dtype: FloatDtype): Float32Array {
  switch (dtype) {
    case 'F64':
      return Float32Array.from(new Float64Array(bytes));
    case 'F32':
      return new Float32Array(bytes);
    case 'F16':
    case 'BF16': {
      const values = new Float32Array(bytes.byteLength / 2);
      (dtype === 'F16' ? widenF16 : widenBF16)(new Uint16Array(bytes), values);
      return values;
    }
    case 'F8_E4M3':
    case 'F8_E5M2': {
      const values = new Float32Array(bytes.byteLength);
      (dtype === 'F8_E4M3' ? widenE4M3 : widenE5M2)(new Uint8Array(bytes), values);
      return values;
    }
  }
}

/**
 * f32 values as the bytes of `dtype`, rounded to nearest, ties to even; what is too large becomes infinity, NaN in
 * F8_E4M3, which has no infinity. Throws a CheckpointError for a dtype that is no FloatDtype.
 */
export function encodeFloats(values: Float32Array, dtype: StoredDtype): Uint8Array<ArrayBuffer> {
  assertFloatDtype(dtype, 'encodeFloats');
  switch (dtype) {
    case 'F64':
      return new Uint8Array(Float64Array.from(values).buffer);
    case 'F32':
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    case 'F16':
    case 'BF16': {
      const patterns = new Uint16Array(values.length);
      (dtype === 'F16' ? narrowF16 : narrowBF16)(values, patterns);
      return new Uint8Array(patterns.buffer);
    }
    case 'F8_E4M3':
    case 'F8_E5M2': {
      const patterns = new Uint8Array(values.length);
      (dtype === 'F8_E4M3' ? narrowE4M3 : narrowE5M2)(values, patterns);
      return patterns;
    }
  }
}

/** `decodeFloats`, for weights: throws a CheckpointError for a NaN, an infinity or a number beyond f32. */
export function finiteFloats(bytes: ArrayBuffer, dtype: FloatDtype, where: string): Float32Array {
  const values = decodeFloats(bytes, dtype);
  const bad = firstNonFinite(values);
  if (bad < 0) return values;
  const value = dtype === 'F64' ? new Float64Array(bytes)[bad] : values[bad];
  const expected = Number.isFinite(value) ? 'weights within the range of f32' : 'finite weights';
  throw new CheckpointError({ expected, got: `${value} at index ${bad}`, where });
}

/**
 * Throws a CheckpointError for a NaN or an infinity among weights as they are stored: numbers, or patterns of 16 bits.
 * @param from index of the first of them in its tensor
 */
export function checkFinite(
  values: Float32Array | Uint16Array,
  dtype: 'F32' | 'BF16' | 'F16',
  from: number,
  where: string,
): void {
  const bad = firstNotFinite(values, dtype);
  if (bad >= 0) throw notFinite(values, dtype, bad, from + bad, where);
}

/** Index of the first NaN or infinity among weights as they are stored, -1 where all are finite. */
export function firstNotFinite(values: Float32Array | Uint16Array, dtype: 'F32' | 'BF16' | 'F16'): number {
  if (values instanceof Float32Array) return firstNonFinite(values);
  const exponent = dtype === 'BF16' ? 0x7f80 : 0x7c00;
  for (let i = 0; i < values.length; i++) if ((values[i] & exponent) === exponent) return i;
  return -1;
}

/** What to say of number `bad` among such weights, which has that index in its tensor. */
export function notFinite(
  values: Float32Array | Uint16Array,
  dtype: 'F32' | 'BF16' | 'F16',
  bad: number,
  index: number,
  where: string,
): CheckpointError {
  const [value] = decodeFloats(values.slice(bad, bad + 1).buffer as ArrayBuffer, dtype);
  return new CheckpointError({ expected: 'finite weights', got: `${value} at index ${index}`, where });
}

/** `encodeFloats`, for weights: throws an OutputError for what `dtype` cannot hold as a finite number. */
export function encodeFinite(values: Float32Array, dtype: FloatDtype, where: string): Uint8Array<ArrayBuffer> {
  const bytes = encodeFloats(values, dtype);
  const bad = firstNonFinite(decodeFloats(bytes.buffer, dtype));
  if (bad < 0) return bytes;
  const expected = `finite values that ${dtype} can hold`;
  throw new OutputError({ expected, got: `${values[bad]} at index ${bad}`, where });
}

/** Index of the first NaN or infinity, -1 where all are finite. */
export function firstNonFinite(values: Float32Array | Float64Array): number {
  for (let i = 0; i < values.length; i++) if (values[i] - values[i] !== 0) return i;
  return -1;
}
