// What a case works with: a backend, and operands that make trouble visible. Tensors can lie inside larger storage
// at an odd offset, between elements that are NaN: a kernel that reads beyond its operand gets NaN, and one that
// writes beyond its result is caught when the result is read. Results start as NaN, so stale content shows too.

import type { Backend } from '../../src/backend/backend.js';
import { ColumnMatrix } from '../../src/tensor/column-matrix.js';
import { bytesPerElement, type DType } from '../../src/tensor/dtype.js';
import { toInt8 } from '../../src/tensor/int8.js';
import { Int8Matrix } from '../../src/tensor/int8-matrix.js';
import type { SparseMatrix, SparseValues } from '../../src/tensor/sparse-matrix.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { nearestPatterns, type Weights16 } from '../../src/tensor/weights16.js';
import { masked, rowsOf } from '../masked.js';
import { type Draw, generator, normal } from './draws.js';

export interface RigOptions {
  /** `whole`: a tensor has its own storage. `inside`: it is a view into the middle of larger storage. */
  placement?: 'whole' | 'inside';
  /** Draw absolute values only: an operation of them gives the size of its operands, without cancellation. */
  absolute?: boolean;
  /** Fewest bytes of any storage: more than half an arena, and no two operands lie in one. */
  room?: number;
}

/** What was read of a result, and whether the storage around it is as it was. */
export interface Result {
  values: ArrayLike<number> & ArrayBufferView;
  intact: boolean;
}

const [before, after] = [3, 5];
/** Of 16 bits a pattern: of bf16 that of a NaN, of f16, which a backend need not tell from numbers, the largest. */
const border: Record<DType, number> = {
  f32: Number.NaN,
  bf16: 0x7fc1,
  f16: 0x7bff,
  i8: -128,
  f64: Number.NaN,
  i32: -123456789,
};
const arrays = {
  f32: Float32Array,
  bf16: Uint16Array,
  f16: Uint16Array,
  i8: Int8Array,
  f64: Float64Array,
  i32: Int32Array,
};

export class Rig {
  readonly #owners = new Map<Tensor, Tensor>();
  readonly #sparse: SparseMatrix[] = [];
  readonly #random: () => number;

  constructor(
    readonly backend: Backend,
    seed: number,
    readonly options: RigOptions = {},
  ) {
    this.#random = generator(seed);
  }

  f32(shape: number[], draw: Draw = normal): Tensor<'f32'> {
    return this.tensor('f32', shape, this.#signed(draw));
  }

  f64(shape: number[], draw: Draw = normal): Tensor<'f64'> {
    return this.tensor('f64', shape, this.#signed(draw));
  }

  bf16(shape: number[], draw: Draw = normal): Tensor<'bf16'> {
    return this.#rounded('bf16', shape, draw);
  }

  f16(shape: number[], draw: Draw = normal): Tensor<'f16'> {
    return this.#rounded('f16', shape, draw);
  }

  i32(shape: number[], draw: Draw): Tensor<'i32'> {
    return this.tensor('i32', shape, draw);
  }

  /** Drawn numbers as int8, with the scale of each row. */
  int8(shape: number[], draw: Draw = normal): Int8Matrix {
    const { values, scale } = toInt8(this.#drawn(shape, draw), shape[0], shape[1]);
    return new Int8Matrix(
      this.tensor('i8', shape, (_, i) => values[i]),
      this.tensor('f32', [shape[0]], (_, i) => scale[i]),
    );
  }

  /** Drawn numbers of a matrix [rows, columns], by columns. */
  columns(shape: number[], dtype: 'f32' | Weights16, draw: Draw = normal): ColumnMatrix {
    return new ColumnMatrix(this[dtype]([...shape].reverse(), draw));
  }

  /** A place for a result. */
  result(shape: number[]): Tensor<'f32'> {
    return this.tensor('f32', shape, () => Number.NaN);
  }

  /** A place for a result in f64. */
  result64(shape: number[]): Tensor<'f64'> {
    return this.tensor('f64', shape, () => Number.NaN);
  }

  /** A sparse matrix of a drawn dense one, which is freed at once: it must not be needed. */
  sparse(shape: number[], values: SparseValues, draw: Draw): SparseMatrix {
    const weights = this.#drawn(shape, draw);
    const dense = this.tensor('f32', shape, (_, i) => weights[i]);
    const matrix = this.backend.compress(dense, values, values === 'int8' ? this.#scaleOf(weights, shape) : undefined);
    this.#sparse.push(matrix);
    const owner = this.#owners.get(dense) as Tensor;
    this.backend.fill(owner, Number.NaN);
    this.backend.free(owner);
    this.#owners.delete(dense);
    return matrix;
  }

  /** The same matrix, made of its mask and its values. */
  masked(shape: number[], values: SparseValues, draw: Draw): SparseMatrix {
    const weights = this.#drawn(shape, draw);
    const matrix = this.#ofMask(shape, values, weights);
    this.#sparse.push(matrix);
    return matrix;
  }

  tensor<D extends DType>(dtype: D, shape: number[], draw: Draw): Tensor<D> {
    return this.#placed(dtype, shape, this.#numbers(shape, draw));
  }

  /** A tensor of these numbers, or patterns. */
  #placed<D extends DType>(dtype: D, shape: number[], values: Float64Array | Uint16Array): Tensor<D> {
    const size = values.length;
    const inside = this.options.placement === 'inside';
    const all = new arrays[dtype](inside ? before + size + after : size).fill(border[dtype]);
    all.set(values, inside ? before : 0);
    const least = Math.ceil((this.options.room ?? 0) / bytesPerElement[dtype]);
    const owner = this.backend.allocate(dtype, [Math.max(all.length, least)]);
    const used = owner.rows(0, all.length);
    this.backend.write(used as Tensor, all);
    const view = (inside ? used.rows(before, before + size) : used).reshape(...shape);
    this.#owners.set(view, used);
    return view;
  }

  /** The content of a tensor of this rig, and whether its surroundings are untouched. */
  async read(tensor: Tensor): Promise<Result> {
    const values = await this.backend.read(tensor);
    if (this.options.placement !== 'inside') return { values, intact: true };
    const all = await this.backend.read(this.#owners.get(tensor)!);
    const around = [...all.subarray(0, before), ...all.subarray(-after)];
    return { values, intact: around.every((value) => Object.is(value, border[tensor.dtype])) };
  }

  /** Frees all tensors. */
  clear(): void {
    for (const owner of this.#owners.values()) this.backend.free(owner);
    this.#owners.clear();
    for (const matrix of this.#sparse.splice(0)) this.backend.free(matrix);
  }

  #ofMask(shape: number[], values: SparseValues, weights: Float32Array): SparseMatrix {
    if (values === 'f32') {
      const numbers = masked(weights, shape);
      return this.backend.compressMasked(numbers.mask, values, rowsOf(numbers));
    }
    if (values === 'bf16') {
      const patterns = masked(nearestPatterns('bf16', weights), shape);
      return this.backend.compressMasked(patterns.mask, values, rowsOf(patterns));
    }
    const whole = masked(toInt8(weights, shape[0], shape[1]).values, shape);
    return this.backend.compressMasked(whole.mask, values, rowsOf(whole), this.#scaleOf(weights, shape));
  }

  #drawn(shape: number[], draw: Draw): Float32Array {
    return new Float32Array(this.#numbers(shape, this.#signed(draw)));
  }

  #numbers(shape: number[], draw: Draw): Float64Array {
    const numbers = new Float64Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < numbers.length; i++) numbers[i] = draw(this.#random, i);
    return numbers;
  }

  /** The scales of rows of int8, which a sparse matrix takes over. */
  #scaleOf(weights: Float32Array, [rows, columns]: number[]): Tensor<'f32'> {
    const scale = this.backend.allocate('f32', [rows]);
    this.backend.write(scale, toInt8(weights, rows, columns).scale);
    return scale;
  }

  /** Drawn numbers rounded to what 16 bits can hold. */
  #rounded<D extends Weights16>(dtype: D, shape: number[], draw: Draw): Tensor<D> {
    return this.#placed(dtype, shape, nearestPatterns(dtype, this.#numbers(shape, this.#signed(draw))));
  }

  /** The draw as it is, or of absolute values where those are asked for. */
  #signed(draw: Draw): Draw {
    return this.options.absolute ? (random, i) => Math.abs(draw(random, i)) : draw;
  }
}
