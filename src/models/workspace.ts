// Activations by name, kept between passes: a pass takes what it needs, the next one finds it there. Memory is that of
// the largest pass, and nothing is allocated inside a loop over tokens.

import type { Backend } from '../backend/backend.js';
import type { DType } from '../tensor/dtype.js';
import { Tensor } from '../tensor/tensor.js';

export class Workspace {
  readonly #tensors = new Map<string, Tensor>();

  constructor(readonly backend: Backend) {}

  /** A tensor of the given shape; its content is undefined, and it is the same memory at every call with this name. */
  take<D extends DType>(name: string, dtype: D, shape: readonly number[]): Tensor<D> {
    const size = shape.reduce((a, b) => a * b, 1);
    let kept = this.#tensors.get(name);
    if (kept && (kept.size < size || kept.dtype !== dtype)) {
      this.backend.free(kept);
      kept = undefined;
    }
    if (!kept) {
      kept = this.backend.allocate(dtype, [size]);
      this.#tensors.set(name, kept);
    }
    return new Tensor(kept.storage, dtype, shape);
  }

  free(): void {
    for (const tensor of this.#tensors.values()) this.backend.free(tensor);
    this.#tensors.clear();
  }
}
