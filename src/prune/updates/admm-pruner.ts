// ADMM where pruning uses it: as a method whose masks grow while it fits, and as an update after any masks.

import type { Backend } from '../../backend/backend.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { InputGroup, LayerPruner, LayerTask } from '../layer-pruner.js';
import { type MaskPolicy, scaled, select } from '../masks.js';
import type { StatisticsNeeds } from '../statistics.js';
import { AdmmInput, admm, type Kept } from './admm.js';

/** Weights of a layer that are fitted at a time: some matrices of that size in f64 stay below a hundred megabytes. */
const WEIGHTS_TOGETHER = 1 << 20;

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
    const keptOf = ({ layer, target }: LayerTask): Kept => {
      return (kept, scores, share, rows) => {
        // Groups of n:m have their final size from the start.
        const now = policy.kind === 'n:m' ? target : scaled(target, share);
        select(backend, layer, now, policy, (selection) => backend.mask(kept, scores, weights, selection), rows);
      };
    };
    return fit(backend, group, keptOf, policy.kind === 'layer' ? Infinity : WEIGHTS_TOGETHER, signal);
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
    await fit(this.backend, group, ({ out }) => out, WEIGHTS_TOGETHER, signal);
  }
}

async function fit(
  backend: Backend,
  { summary, tasks }: InputGroup,
  keptOf: (task: LayerTask) => Kept,
  weightsTogether: number,
  signal?: AbortSignal,
): Promise<void> {
  const input = await AdmmInput.of(backend, summary?.gram as Tensor<'f64'>, signal);
  try {
    for (const task of tasks) {
      const { dense, out, correlation } = task;
      const rowsTogether = Math.max(1, Math.floor(weightsTogether / dense.columns));
      await admm(input, { dense, out, correlation, kept: keptOf(task) }, rowsTogether, signal);
    }
  } finally {
    input.free();
  }
}
