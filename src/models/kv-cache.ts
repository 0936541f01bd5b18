// Keys and values of the tokens seen so far, one pair of tensors for each block, and the tokens themselves: positions that
// stretch with the sequence make keys and values obsolete, which then are computed anew.

import { type Backend, KEY_DTYPES, type KeyDType, type KeyTensor } from '../backend/backend.js';
import { UsageError } from '../errors.js';
import { quoted } from '../quoted.js';
import type { BlockCache, ModelConfig } from './graph.js';

export class KvCache {
  /** The tokens held. */
  readonly ids: number[] = [];
  /** For which positions they were computed (`Graph.positionsOf`); null while they are in the making. */
  positions: string | null = null;
  readonly blocks: BlockCache[];
  readonly #tensors: KeyTensor[] = [];

  constructor(
    readonly backend: Backend,
    config: ModelConfig,
    /** Tokens that fit. */
    readonly capacity: number,
    /** What keys and values are kept as: f32 as they are, bf16 rounded, in half the memory. */
    readonly dtype: KeyDType = 'f32',
  ) {
    if (!KEY_DTYPES.includes(dtype))
      throw new UsageError(`expected kvCache to be one of ${KEY_DTYPES.join(', ')}, got ${quoted(dtype)}`);
    this.blocks = [];
    try {
      for (let b = 0; b < config.num_hidden_layers; b++) {
        const keys = this.#allocate(config.key_width);
        this.blocks.push({ keys, values: this.#allocate(config.key_width) });
      }
    } catch (error) {
      this.free();
      throw error;
    }
  }

  /** Tokens held. */
  get length(): number {
    return this.ids.length;
  }

  free(): void {
    for (const tensor of this.#tensors.splice(0)) this.backend.free(tensor);
  }

  #allocate(width: number): KeyTensor {
    const tensor = this.backend.allocate(this.dtype, [this.capacity, width]);
    this.#tensors.push(tensor);
    return tensor;
  }
}
