// ADMM where pruning uses it: as a method whose masks grow while it fits, and as an update after any masks.

import type { Backend } from '../../backend/backend.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { InputGroup, LayerPruner, LayerTask } from '../layer-pruner.js';
import { type MaskPolicy, scaled, select } from '../masks.js';
import type { StatisticsNeeds } from '../statistics.js';
import { AdmmInput, admm, type Kept } from './admm.js';

/** Chooses its masks along the way. */
export class AdmmPruner implements LayerPruner {
  readonly needs: StatisticsNeeds = { gram: true };

  constructor(
    readonly backend: Backend,
    readonly policy: MaskPolicy,
  ) {}

  prune(group: InputGroup, signal?: AbortSignal): Promise<void> {
    const { backend, policy } = this;
    const weights = { of: null, column: null, row: null };
    return fit(backend, group, signal, ({ layer, target }) => (kept, scores, share) => {
      // Groups of n:m have their final size from the start.
      const now = policy.kind === 'n:m' ? target : scaled(target, share);
      select(backend, layer, now, policy, (selection) => backend.mask(kept, scores, weights, selection));
    });
  }
}

/** Fits the kept weights on the masks of another pruner. */
export class AdmmUpdate implements LayerPruner {
  readonly needs: StatisticsNeeds;

  constructor(
    readonly backend: Backend,
    readonly masks: LayerPruner,
  ) {
    this.needs = { ...masks.needs, gram: true };
  }

  async prune(group: InputGroup, signal?: AbortSignal): Promise<void> {
    await this.masks.prune(group, signal);
    await fit(this.backend, group, signal, ({ out }) => out);
  }
}

async function fit(
  backend: Backend,
  { summary, tasks }: InputGroup,
  signal: AbortSignal | undefined,
  keptOf: (task: LayerTask) => Kept,
): Promise<void> {
  const input = await AdmmInput.of(backend, summary?.gram as Tensor<'f64'>, signal);
  try {
    for (const task of tasks) {
      const { dense, out, correlation } = task;
      await admm(input, out, dense, correlation, keptOf(task), signal);
    }
  } finally {
    input.free();
  }
}
