// Memory of the reference backend. Elements of f32 tensors are kept in f64, so that nothing is rounded between
// operations: writing widens, reading narrows, and what lies between is as exact as JavaScript numbers are.

import { BackendError } from '../../errors.js';
import { type ArrayOf, bytesPerElement, type DType } from '../../tensor/dtype.js';
import { type Storage, Tensor } from '../../tensor/tensor.js';
import { patternsOf, valuesOf } from '../../tensor/weights16.js';
import type { Backend } from '../backend.js';
import { checkAllocate, checkWrite } from '../shapes.js';

/** What holds the elements of a tensor here. */
export interface HeldAs {
  f32: Float64Array;
  bf16: Float64Array;
  f16: Float64Array;
  i8: Float64Array;
  f64: Float64Array;
  i32: Int32Array;
}

class ReferenceStorage implements Storage {
  readonly bytes: number;
  /** Null once freed. */
  values: HeldAs[DType] | null;

  constructor(
    readonly dtype: DType,
    size: number,
  ) {
    this.bytes = size * bytesPerElement[dtype];
    this.values = dtype === 'i32' ? new Int32Array(size) : new Float64Array(size);
  }
}

/** The elements of `tensor`, shared with its storage. */
export function elements<D extends DType>(tensor: Tensor<D>): HeldAs[D] {
  const { storage, offset, size } = tensor;
  if (!(storage instanceof ReferenceStorage) || storage.values === null || storage.dtype !== tensor.dtype)
    throw new BackendError({ expected: `a live ${tensor.dtype} tensor of the reference backend`, got: 'another' });
  return storage.values.subarray(offset, offset + size) as HeldAs[D];
}

type Memory = Pick<Backend, 'allocate' | 'write' | 'read' | 'fill'> & { free(tensor: Tensor): void };

/** The memory operations of the reference backend. */
export const memory: Memory = {
  allocate(dtype, shape) {
    checkAllocate(shape);
    const size = shape.reduce((a, b) => a * b, 1);
    return new Tensor(new ReferenceStorage(dtype, size), dtype, [...shape]);
  },

  free(tensor) {
    elements(tensor);
    (tensor.storage as ReferenceStorage).values = null;
  },

  write(tensor, values) {
    checkWrite(tensor, values);
    const { dtype } = tensor as Tensor;
    const short = dtype === 'bf16' || dtype === 'f16';
    elements(tensor).set(short ? valuesOf(dtype, values as Uint16Array) : values);
  },

  async read<D extends DType>(tensor: Tensor<D>): Promise<ArrayOf[D]> {
    const values = elements(tensor);
    const { dtype } = tensor as Tensor;
    if (dtype === 'bf16' || dtype === 'f16')
      return patternsOf(dtype, Float32Array.from(values)) as Uint16Array as ArrayOf[D];
    if (dtype === 'i8') return Int8Array.from(values) as ArrayOf[D];
    return (dtype === 'f32' ? Float32Array.from(values) : values.slice()) as ArrayOf[D];
  },

  fill(tensor, value) {
    elements(tensor).fill(value);
  },
};
