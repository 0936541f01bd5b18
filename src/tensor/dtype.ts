// Element types of tensors on a backend, and the typed arrays that carry them in JavaScript.

/**
 * f32 for weights and activations, bf16 and f16 for weights that a checkpoint holds as such and only products read
 * (weights16.ts), i8 for weights with scales (int8-matrix.ts), f64 for statistics, i32 for token ids and counts.
 */
export type DType = 'f32' | 'bf16' | 'f16' | 'i8' | 'f64' | 'i32';

export interface ArrayOf {
  f32: Float32Array;
  /** Patterns: the upper halves of f32. */
  bf16: Uint16Array;
  /** Patterns of 1024 times the numbers. */
  f16: Uint16Array;
  i8: Int8Array;
  f64: Float64Array;
  i32: Int32Array;
}

export type NumberArray = ArrayOf[DType];

/** Bytes of one element. */
export const bytesPerElement: Record<DType, number> = { f32: 4, bf16: 2, f16: 2, i8: 1, f64: 8, i32: 4 };
