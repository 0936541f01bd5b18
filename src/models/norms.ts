// Normalisation, as families place it: over the hidden states, over a whole projection, or over each head of one.

import type { Tensor } from '../tensor/tensor.js';
import type { Pass, TensorSpec, Weights } from './graph.js';
import { type Layout, offsetByOne } from './layout.js';
import { tensorOf } from './weights.js';

export interface Norm {
  kind: 'rms' | 'layer';
  /** Names of its tensors, made once: a decoding loop asks for them at every token. Null where it has none. */
  weight: string | null;
  bias: string | null;
  /** Numbers that are normalised together. */
  width: number;
  eps: number;
  layout?: Layout;
}

export const rmsNorm = (name: string, width: number, eps: number): Norm => ({
  ...{ kind: 'rms', width, eps },
  ...{ weight: `${name}.weight`, bias: null },
});

/** RMSNorm with a stored weight w that multiplies by 1 + w. */
export const offsetRmsNorm = (name: string, width: number, eps: number): Norm => ({
  ...rmsNorm(name, width, eps),
  layout: offsetByOne,
});

/** @param affine whether it has a weight and a bias */
export const layerNorm = (name: string, width: number, eps: number, affine = true): Norm => ({
  ...{ kind: 'layer', width, eps },
  ...{ weight: affine ? `${name}.weight` : null, bias: affine ? `${name}.bias` : null },
});

/** Its tensors, by name. */
export function normTensors({ weight, bias, width, layout }: Norm): [string, TensorSpec][] {
  const tensors: [string, TensorSpec][] = [];
  if (weight !== null) tensors.push([weight, { shape: [width], layout }]);
  if (bias !== null) tensors.push([bias, { shape: [width] }]);
  return tensors;
}

/** y = norm(x), over each stretch of `width` numbers; y may be x. */
export function normalise(pass: Pass, weights: Weights, norm: Norm, x: Tensor<'f32'>, y: Tensor<'f32'>): void {
  const weight = norm.weight === null ? null : tensorOf(weights, norm.weight);
  const bias = norm.bias === null ? null : tensorOf(weights, norm.bias);
  const parts = (tensor: Tensor<'f32'>) =>
    norm.width === tensor.columns ? tensor : tensor.reshape(tensor.size / norm.width, norm.width);
  if (norm.kind === 'rms') pass.backend.rmsNorm(parts(y), parts(x), weight, norm.eps);
  else pass.backend.layerNorm(parts(y), parts(x), weight, bias, norm.eps);
}
