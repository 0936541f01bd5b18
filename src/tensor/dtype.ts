// Element types of tensors on a backend, and the typed arrays that carry them in JavaScript.

/** f32 for weights and activations, f64 for statistics, i32 for token ids and counts. */
export type DType = 'f32' | 'f64' | 'i32';

export interface ArrayOf {
  f32: Float32Array;
  f64: Float64Array;
  i32: Int32Array;
}

export type NumberArray = ArrayOf[DType];

/** Bytes of one element. */
export const bytesPerElement: Record<DType, number> = { f32: 4, f64: 8, i32: 4 };
