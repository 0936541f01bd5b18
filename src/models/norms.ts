// Normalisation, as families place it: over the hidden states, over a whole projection, or over each head of one.

import type { Tensor } from '../tensor/tensor.js';
import type { Pass, TensorSpec, Weights } from './graph.js';
import { type Layout, offsetByOne } from './layout.js';

export interface Norm {
  kind: 'rms' | 'layer';
  /** Name without ".weight". */
  name: string;
  /** Numbers that are normalised together. */
  width: number;
  eps: number;
  /** Whether it has a weight; without one it has no bias either. */
  weight: boolean;
  bias: boolean;
  layout?: Layout;
}

export const rmsNorm = (name: string, width: number, eps: number): Norm => ({
  ...{ kind: 'rms', name, width, eps },
  ...{ weight: true, bias: false },
});

/** RMSNorm with a stored weight w that multiplies by 1 + w. */
export const offsetRmsNorm = (name: string, width: number, eps: number): Norm => ({
  ...rmsNorm(name, width, eps),
  layout: offsetByOne,
});

export const layerNorm = (name: string, width: number, eps: number): Norm => ({
  ...{ kind: 'layer', name, width, eps },
  ...{ weight: true, bias: true },
});

/** Its tensors, by name. */
export function normTensors({ name, width, weight, bias, layout }: Norm): [string, TensorSpec][] {
  const tensors: [string, TensorSpec][] = [];
  if (weight) tensors.push([`${name}.weight`, { shape: [width], layout }]);
  if (weight && bias) tensors.push([`${name}.bias`, { shape: [width] }]);
  return tensors;
}

/** y = norm(x), over each stretch of `width` numbers; y may be x. */
export function normalise(pass: Pass, weights: Weights, norm: Norm, x: Tensor<'f32'>, y: Tensor<'f32'>): void {
  const weight = weights.get(`${norm.name}.weight`) ?? null;
  const [from, to] = norm.width === x.columns ? [x, y] : [x, y].map((t) => t.reshape(t.size / norm.width, norm.width));
  if (norm.kind === 'rms') pass.backend.rmsNorm(to, from, weight, norm.eps);
  else pass.backend.layerNorm(to, from, weight, weights.get(`${norm.name}.bias`) ?? null, norm.eps);
}
