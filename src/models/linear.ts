// Linear layers as a family describes them, and projections: the rows of a layer that make one thing, which is all of
// them, or a part where several layers are fused into one.

import type { Tensor } from '../tensor/tensor.js';
import type { Linear, Pass, Weights } from './graph.js';
import { matrixOf, tensorOf } from './weights.js';

/** Rows [from, from + rows) of a linear layer. */
export interface Projection {
  layer: string;
  from: number;
  rows: number;
  bias: boolean;
}

/** All rows of a layer. */
export const whole = ({ name, rows, bias }: Linear): Projection => ({ layer: name, from: 0, rows, bias });

/** The rows of a fused layer, cut into parts of the given lengths. */
export function cut<N extends number>({ name, bias }: Linear, ...lengths: number[] & { length: N }): Projection[] {
  let from = 0;
  return lengths.map((rows) => {
    from += rows;
    return { layer: name, from: from - rows, rows, bias };
  });
}

/** y[T, projection.rows] = x·Wᵀ (+ bias). */
export function project(
  { backend }: Pass,
  weights: Weights,
  { layer, from, rows, bias: biased }: Projection,
  x: Tensor<'f32'>,
  y: Tensor<'f32'>,
): void {
  const weight = matrixOf(weights, `${layer}.weight`);
  const bias = biased ? tensorOf(weights, `${layer}.bias`) : null;
  if (weight.rowCount === rows) backend.linear(y, x, weight, bias);
  else backend.linear(y, x, weight.rows(from, from + rows), bias?.rows(from, from + rows) ?? null);
}
