// A tensor is a shape over a stretch of backend storage, row-major and contiguous.
// It owns nothing: the backend that allocated the storage frees it, and views share it.

import { BackendError } from '../errors.js';
import type { DType } from './dtype.js';

/** Memory of one allocation; only the backend that made it looks inside. */
export interface Storage {
  readonly bytes: number;
}

export class Tensor<D extends DType = DType> {
  readonly size: number;

  constructor(
    readonly storage: Storage,
    readonly dtype: D,
    readonly shape: readonly number[],
    /** First element inside the storage, in elements. */
    readonly offset = 0,
  ) {
    this.size = shape.reduce((a, b) => a * b, 1);
  }

  /** Length of the last axis. */
  get columns(): number {
    return this.shape[this.shape.length - 1] as number;
  }

  /** Product of all axes but the last. */
  get rowCount(): number {
    return this.size / this.columns;
  }

  /** Rows [begin, end) of the first axis, sharing storage. */
  rows(begin: number, end: number): Tensor<D> {
    const first = this.shape[0] ?? 0;
    if (!(begin >= 0 && begin <= end && end <= first))
      throw new BackendError({ expected: `rows within 0..${first}`, got: `${begin}..${end}`, where: 'Tensor.rows' });
    const shape = this.shape.slice();
    shape[0] = end - begin;
    const stride = first === 0 ? 0 : this.size / first;
    return new Tensor(this.storage, this.dtype, shape, this.offset + begin * stride);
  }

  /** The same elements under another shape of the same size. */
  reshape(...shape: number[]): Tensor<D> {
    const view = new Tensor(this.storage, this.dtype, shape, this.offset);
    if (view.size !== this.size)
      throw new BackendError({ expected: `${this.size} elements`, got: `[${shape}]`, where: 'Tensor.reshape' });
    return view;
  }
}

/** Rows [from, to) of a tensor seen as a matrix of so many rows. */
export function rowsOf<T extends Tensor>(tensor: T, rows: number, from: number, to: number): T {
  if (from === 0 && to === rows) return tensor;
  return tensor.reshape(rows, tensor.size / rows).rows(from, to) as T;
}
