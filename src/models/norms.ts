// Normalisation, as families place it: over the hidden states, over a whole projection, or over each head of one.

import type { Tensor } from '../tensor/tensor.js';
import type { Pass, TensorSpec, Weights } from './graph.js';
import { type Layout, offsetByOne } from './layout.js';
import { tensorOf } from './weights.js';

export interface Norm {
  kind: 'rms' | 'layer';
  /** Name without ".weight". */
  name: string;
  /** Numbers that are normalised together. */
  width: number;
  eps: number;
  /** Whether it has a weight and, a LayerNorm, a bias. */
  affine: boolean;
  layout?: Layout;
}

export const rmsNorm = (name: string, width: number, eps: number): Norm => ({
  ...{ kind: 'rms', name, width, eps },
  affine: true,
});

/** RMSNorm with a stored weight w that multiplies by 1 + w. */
export const offsetRmsNorm = (name: string, width: number, eps: number): Norm => ({
  ...rmsNorm(name, width, eps),
  layout: offsetByOne,
});

export const layerNorm = (name: string, width: number, eps: number): Norm => ({
  ...{ kind: 'layer', name, width, eps },
  affine: true,
});

/** Its tensors, by name. */
export function normTensors({ kind, name, width, affine, layout }: Norm): [string, TensorSpec][] {
  const tensors: [string, TensorSpec][] = [];
  if (affine) tensors.push([`${name}.weight`, { shape: [width], layout }]);
  if (affine && kind === 'layer') tensors.push([`${name}.bias`, { shape: [width] }]);
  return tensors;
}

/** y = norm(x), over each stretch of `width` numbers; y may be x. */
export function normalise(pass: Pass, weights: Weights, norm: Norm, x: Tensor<'f32'>, y: Tensor<'f32'>): void {
  const tensor = (part: 'weight' | 'bias') => (norm.affine ? tensorOf(weights, `${norm.name}.${part}`) : null);
  const [from, to] = norm.width === x.columns ? [x, y] : [x, y].map((t) => t.reshape(t.size / norm.width, norm.width));
  if (norm.kind === 'rms') pass.backend.rmsNorm(to, from, tensor('weight'), norm.eps);
  else pass.backend.layerNorm(to, from, tensor('weight'), tensor('bias'), norm.eps);
}
