// A block beside its masked twin: norms and biases shared, every linear layer's weight masked into memory of its own, so
// that the dense weights survive and the next candidate starts from them.

import type { Backend } from '../backend/backend.js';
import type { Graph, Weights } from '../models/graph.js';
import { tensorOf } from '../models/weights.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Target } from './allocation.js';
import { applyMask, type MaskPolicy } from './masks.js';
import type { Score } from './scores/score.js';
import type { Activations } from './statistics.js';

export class MaskedBlock {
  readonly #masked = new Map<string, Tensor<'f32'>>();
  readonly #scales = new Map<string, Tensor<'f32'>>();

  constructor(
    readonly backend: Backend,
    readonly graph: Graph,
    readonly score: Score,
  ) {
    for (const { name, rows, columns, input } of graph.linears) {
      this.#masked.set(`${name}.weight`, backend.allocate('f32', [rows, columns]));
      if (!this.#scales.has(input)) this.#scales.set(input, backend.allocate('f32', [columns]));
    }
  }

  /** The weights of a pass through the masked block, given those of the dense one; valid until the next call. */
  mask(
    dense: Weights,
    activations: Activations | null,
    targets: ReadonlyMap<string, Target>,
    policy: MaskPolicy,
  ): Weights {
    for (const layer of this.graph.linears) {
      const name = `${layer.name}.weight`;
      const weight = tensorOf(dense, name);
      const target = targets.get(layer.name) as Target;
      applyMask(
        this.backend,
        tensorOf(this.#masked, name),
        weight,
        this.#scale(layer.input, activations),
        layer,
        target,
        policy,
      );
    }
    return new Map([...dense, ...this.#masked]);
  }

  free(): void {
    for (const tensor of [...this.#masked.values(), ...this.#scales.values()]) this.backend.free(tensor);
  }

  #scale(input: string, activations: Activations | null): Tensor<'f32'> | null {
    const a = activations?.get(input);
    const values = a ? this.score.columnScale(a) : null;
    if (!values) return null;
    const scale = this.#scales.get(input) as Tensor<'f32'>;
    this.backend.write(scale, values);
    return scale;
  }
}
