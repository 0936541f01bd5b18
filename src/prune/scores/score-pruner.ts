// Masks by a score: the smallest scores go, the other weights stay what they are.

import type { Backend, Selection } from '../../backend/backend.js';
import { UsageError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { InputGroup, LayerPruner, LayerTask } from '../layer-pruner.js';
import { type MaskPolicy, select } from '../masks.js';
import type { StatisticsNeeds } from '../statistics.js';
import type { LayerScores, Score } from './score.js';

export class ScorePruner implements LayerPruner {
  readonly needs: StatisticsNeeds | null;

  constructor(
    readonly backend: Backend,
    readonly score: Score,
    readonly policy: MaskPolicy,
  ) {
    this.needs = score.needsActivations ? {} : null;
  }

  async prune({ block, summary, tasks }: InputGroup): Promise<void> {
    for (const task of tasks) {
      const { name, rows, columns } = task.layer;
      const scores = await this.score.score({
        block,
        name,
        rows,
        columns,
        activations: summary?.activations ?? null,
        readWeight: () => this.backend.read(task.dense),
      });
      this.#check(scores, task, block);
      select(this.backend, task.layer, task.target, this.policy, (selection) => this.#mask(task, scores, selection));
    }
  }

  #mask({ dense, out }: LayerTask, { column, row, matrix }: LayerScores, selection: Selection): void {
    const { backend } = this;
    const written = (values: Float32Array | null | undefined, ...shape: number[]): Tensor<'f32'> | null => {
      if (!values) return null;
      const tensor = backend.allocate('f32', shape);
      backend.write(tensor, values);
      return tensor;
    };
    const tensors = {
      of: written(matrix, ...dense.shape),
      column: written(column, dense.columns),
      row: written(row, dense.rowCount),
    };
    backend.mask(out, dense, tensors, selection);
    for (const tensor of Object.values(tensors)) if (tensor) backend.free(tensor);
  }

  /** A selection cannot rank what is no number, nor see that a score is of another layer. */
  #check(scores: LayerScores, { layer }: LayerTask, block: number): void {
    const { rows, columns } = layer;
    const lengths = { column: columns, row: rows, matrix: rows * columns };
    for (const [part, length] of Object.entries(lengths)) {
      const values = scores[part as keyof LayerScores];
      if (!values) continue;
      const where = `score ${this.score.name} of ${layer.name}, block ${block}`;
      if (values.length !== length)
        throw new UsageError(`expected ${length} numbers in ${part}, got ${values.length}, in ${where}`);
      const bad = values.findIndex((v) => !Number.isFinite(v));
      if (bad >= 0) throw new UsageError(`expected finite scores, got ${values[bad]} in ${part}[${bad}], in ${where}`);
    }
  }
}
