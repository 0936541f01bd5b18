// Linear layers as a family describes them, and projections: the rows of a layer that make one thing, which is all of
// them, or a part where several layers are fused into one.

import type { Tensor } from '../tensor/tensor.js';
import type { Pass, Weights } from './graph.js';
import type { Layout } from './layout.js';
import { tensorOf } from './weights.js';

/** W[rows, columns] with the name that it has inside its block. */
export interface Linear {
  name: string;
  rows: number;
  columns: number;
  bias: boolean;
  layout?: Layout | undefined;
}

/** Rows [from, from + rows) of a linear layer. */
export interface Projection {
  layer: string;
  from: number;
  rows: number;
}

/** All rows of a layer. */
export const whole = ({ name, rows }: Linear): Projection => ({ layer: name, from: 0, rows });

/** The rows of a fused layer, cut into parts of the given lengths. */
export function cut<N extends number>({ name }: Linear, ...lengths: number[] & { length: N }): Projection[] {
  let from = 0;
  return lengths.map((rows) => {
    from += rows;
    return { layer: name, from: from - rows, rows };
  });
}

/** y[T, projection.rows] = x·Wᵀ (+ bias). */
export function project(
  { backend }: Pass,
  weights: Weights,
  { layer, from, rows }: Projection,
  x: Tensor<'f32'>,
  y: Tensor<'f32'>,
): void {
  const weight = tensorOf(weights, `${layer}.weight`);
  const bias = weights.get(`${layer}.bias`);
  if (weight.rowCount === rows) backend.linear(y, x, weight, bias ?? null);
  else backend.linear(y, x, weight.rows(from, from + rows), bias?.rows(from, from + rows) ?? null);
}
