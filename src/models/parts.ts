// The parts that families share.

import { BackendError } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Pass, Weights } from './graph.js';

/** The tensor of that name; its absence is a mistake of the family's own shapes. */
export function tensorOf(weights: Weights, name: string): Tensor<'f32'> {
  const tensor = weights.get(name);
  if (!tensor) throw new BackendError({ expected: `a loaded tensor ${name}`, got: 'none', where: 'the forward pass' });
  return tensor;
}

/** y = x·Wᵀ (+ bias) with the linear layer `name` of a block. */
export function project(pass: Pass, weights: Weights, name: string, x: Tensor<'f32'>, y: Tensor<'f32'>): void {
  pass.backend.linear(y, x, tensorOf(weights, `${name}.weight`), weights.get(`${name}.bias`) ?? null);
}
