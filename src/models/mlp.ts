// The two MLPs of decoders: activation(gate)·up, and activation(up) alone.

import type { Activation } from '../backend/backend.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Linear, Pass, Weights } from './graph.js';
import { type Projection, project, projectAll } from './linear.js';

export interface Mlp {
  /** Layers that make gate and up, in the order in which they are pruned. */
  inputs: readonly Linear[];
  /** Null where there is no gate. */
  gate: Projection | null;
  up: Projection;
  output: Linear;
  activation: Activation;
}

/** hidden[T, up.rows] of x[T, columns of the inputs], before the output projection. */
export function expand(pass: Pass, mlp: Mlp, weights: Weights, x: Tensor<'f32'>): Tensor<'f32'> {
  const { backend, workspace } = pass;
  const hidden = workspace.take('hidden', 'f32', [x.rowCount, mlp.up.rows]);
  if (mlp.gate === null) {
    project(pass, weights, mlp.up, x, hidden);
    backend.activate(hidden, hidden, mlp.activation);
  } else {
    const gate = workspace.take('gate', 'f32', [x.rowCount, mlp.gate.rows]);
    projectAll(pass, weights, [mlp.up, mlp.gate], x, [hidden, gate]);
    backend.gate(hidden, gate, hidden, mlp.activation);
  }
  return hidden;
}
