// DSnoT as a step after a mask: in the attention layers, kept and pruned weights change places until the layer's expected
// output is what it was (§10 of the algorithms page).

import type { Backend } from '../../backend/backend.js';
import { safePoint } from '../../progress.js';
import type { InputGroup, LayerPruner } from '../layer-pruner.js';
import type { InputSummary, Moments, StatisticsNeeds } from '../statistics.js';
import { dsnot } from './dsnot.js';

export class DsnotPruner implements LayerPruner {
  readonly needs: StatisticsNeeds;

  /** @param sameSign a row also stops where a swap would change the sign of its error */
  constructor(
    readonly backend: Backend,
    readonly masks: LayerPruner,
    readonly sameSign: boolean,
  ) {
    this.needs = { ...masks.needs, moments: true };
  }

  async prune(group: InputGroup, signal?: AbortSignal): Promise<void> {
    await this.masks.prune(group, signal);
    const { activations, moments } = group.summary as InputSummary;
    const statistics = { activations, ...(moments as Moments) };
    for (const { layer, dense, out } of group.tasks) {
      if (layer.half !== 'attention') continue;
      const weight = await this.backend.read(dense);
      const masked = await this.backend.read(out);
      const kept = new Uint8Array(masked.length);
      for (let i = 0; i < kept.length; i++) kept[i] = masked[i] === 0 ? 0 : 1;
      dsnot(kept, weight, statistics, layer.rows, layer.columns, { sameSign: this.sameSign });
      for (let i = 0; i < kept.length; i++) if (!kept[i]) weight[i] = 0;
      this.backend.write(out, weight);
      await safePoint(signal);
    }
  }
}
