// Keys and values of the tokens seen so far, one pair of tensors for each block.

import type { Backend } from '../backend/backend.js';
import type { BlockCache, ModelConfig } from './graph.js';

export class KvCache {
  /** Tokens held. */
  length = 0;
  readonly blocks: readonly BlockCache[];

  constructor(
    readonly backend: Backend,
    config: ModelConfig,
    /** Tokens that fit. */
    readonly capacity: number,
  ) {
    this.blocks = Array.from({ length: config.num_hidden_layers }, () => ({
      keys: backend.allocate('f32', [capacity, config.key_width]),
      values: backend.allocate('f32', [capacity, config.key_width]),
    }));
  }

  free(): void {
    for (const { keys, values } of this.blocks) {
      this.backend.free(keys);
      this.backend.free(values);
    }
  }
}
