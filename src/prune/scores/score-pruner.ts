// Masks by a score: the smallest scores go, the other weights stay what they are.

import type { Backend, Selection } from '../../backend/backend.js';
import { UsageError } from '../../errors.js';
import { safePoint } from '../../progress.js';
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

  async prune({ block, summary, tasks }: InputGroup, signal?: AbortSignal): Promise<void> {
    for (const task of tasks) {
      const { name, rows, columns } = task.layer;
      const scores = this.#checked(
        await this.score.score({
          block,
          name,
          rows,
          columns,
          activations: summary?.activations ?? null,
          readWeight: () => this.backend.read(task.dense),
        }),
        { column: columns, row: rows, matrix: rows * columns },
        `score ${this.score.name} of ${name}, block ${block}`,
      );
      select(this.backend, task.layer, task.target, this.policy, (selection) => this.#mask(task, scores, selection));
      await safePoint(signal);
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

  /** A score may be anybody's: a selection cannot rank what is no number, nor see that a score is of another layer. */
  #checked(scores: LayerScores, lengths: Record<keyof LayerScores, number>, where: string): LayerScores {
    // A list or a typed array is an object too, and so is a map.
    const isObject = typeof scores === 'object' && scores !== null && !(Symbol.iterator in scores);
    if (!isObject || Object.keys(scores).some((part) => !(part in lengths)))
      throw new UsageError(`expected an object with column, row or matrix from ${where}`);
    for (const [part, length] of Object.entries(lengths) as [keyof LayerScores, number][]) {
      const values = scores[part];
      if (!values) continue;
      if (!(values instanceof Float32Array && values.length === length))
        throw new UsageError(
          `expected ${part} to be a Float32Array of ${length}, got ${values.constructor.name} of ${values.length}, from ${where}`,
        );
      const isFactor = part !== 'matrix';
      const bad = values.findIndex((v) => !(Number.isFinite(v) && (v >= 0 || !isFactor)));
      if (bad >= 0)
        throw new UsageError(
          `expected finite scores${isFactor ? ' ≥ 0' : ''}, got ${values[bad]} in ${part}[${bad}], from ${where}`,
        );
    }
    return scores;
  }
}
