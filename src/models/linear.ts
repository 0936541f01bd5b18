// Linear layers as a family describes them, and projections: the rows of a layer that make one thing, which is all of
// them, or a part where several layers are fused into one.

import type { LayerOf } from '../backend/backend.js';
import type { Matrix } from '../tensor/sparse-matrix.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Linear, Pass, Weights } from './graph.js';
import { matrixOf, tensorOf } from './weights.js';

/** Rows [from, from + rows) of a linear layer. */
export interface Projection {
  layer: string;
  from: number;
  rows: number;
  /** Names of the layer's tensors, made once: a decoding loop asks for them at every token. */
  weight: string;
  bias: string | null;
}

const rowsOf = ({ name, bias }: Linear, from: number, rows: number): Projection => ({
  layer: name,
  from,
  rows,
  weight: `${name}.weight`,
  bias: bias ? `${name}.bias` : null,
});

/** All rows of a layer. */
export const whole = (linear: Linear): Projection => rowsOf(linear, 0, linear.rows);

/** The rows of a fused layer, cut into parts of the given lengths. */
export function cut<N extends number>(linear: Linear, ...lengths: number[] & { length: N }): Projection[] {
  let from = 0;
  return lengths.map((rows) => {
    from += rows;
    return rowsOf(linear, from - rows, rows);
  });
}

/** y[T, projection.rows] = x·Wᵀ (+ bias). */
export function project(
  { backend }: Pass,
  weights: Weights,
  projection: Projection,
  x: Tensor<'f32'>,
  y: Tensor<'f32'>,
): void {
  const { weight, bias } = partOf(weights, projection, y);
  backend.linear(y, x, weight, bias);
}

/** The same of several projections of one x. */
export function projectAll(
  { backend }: Pass,
  weights: Weights,
  projections: readonly Projection[],
  x: Tensor<'f32'>,
  ys: readonly Tensor<'f32'>[],
): void {
  backend.linears(
    x,
    projections.map((projection, i) => partOf(weights, projection, ys[i])),
  );
}

function partOf(weights: Weights, projection: Projection, y: Tensor<'f32'>): LayerOf<Matrix> {
  const { from, rows } = projection;
  const weight = matrixOf(weights, projection.weight);
  const bias = projection.bias === null ? null : tensorOf(weights, projection.bias);
  if (weight.rowCount === rows) return { y, weight, bias };
  return { y, weight: weight.rows(from, from + rows), bias: bias?.rows(from, from + rows) ?? null };
}
