// SparseGPT where pruning uses it: one factor for all layers of an input.

import type { Backend } from '../../backend/backend.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { InputGroup, LayerPruner } from '../layer-pruner.js';
import type { MaskPolicy } from '../masks.js';
import type { InputSummary, StatisticsNeeds } from '../statistics.js';
import { SparseGptInput, sparsegpt } from './sparsegpt.js';

export class SparseGptPruner implements LayerPruner {
  readonly needs: StatisticsNeeds = { gram: true };

  constructor(
    readonly backend: Backend,
    readonly policy: MaskPolicy,
  ) {}

  async prune({ summary, tasks }: InputGroup, signal?: AbortSignal): Promise<void> {
    const { gram, sequences } = summary as InputSummary;
    const input = await SparseGptInput.of(this.backend, gram as Tensor<'f64'>, sequences, signal);
    try {
      for (const { dense, out, target } of tasks) await sparsegpt(input, out, dense, target, this.policy, signal);
    } finally {
      input.free();
    }
  }
}
