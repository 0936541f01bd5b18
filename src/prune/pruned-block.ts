// A block beside its pruned twin: norms and biases shared, every linear layer's weight in memory of its own, so that the
// dense weights survive and the next candidate starts from them.

import type { Backend } from '../backend/backend.js';
import type { Graph, Weights } from '../models/graph.js';
import { tensorOf } from '../models/weights.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Target } from './allocation.js';
import type { LayerPruner } from './layer-pruner.js';
import type { InputSummary } from './statistics.js';

/** What is known of each input, by its name. */
export type Summaries = ReadonlyMap<string, InputSummary>;

/** A dense block, and how much of each of its layers is to go. */
export interface BlockTask {
  block: number;
  dense: Weights;
  /** By the name of the layer. */
  targets: ReadonlyMap<string, Target>;
}

/** The calibration windows on their way through the blocks, which are pruned one after another. */
export interface PruningStream {
  /** The pruned weights of the next block, valid until the next call. */
  prune(task: BlockTask): Promise<Weights>;
  /** Through that block, to the one after it. */
  advance(task: BlockTask, pruned: Weights): Promise<void>;
  free(): void;
}

export class PrunedBlock {
  readonly #own = new Map<string, Tensor<'f32'>>();

  constructor(
    readonly backend: Backend,
    readonly graph: Graph,
    readonly pruner: LayerPruner,
  ) {
    for (const { name, rows, columns } of graph.linears)
      this.#own.set(`${name}.weight`, backend.allocate('f32', [rows, columns]));
  }

  /**
   * Prunes every layer, with what the dense block's inputs are like; weights that are fitted keep their layer's outputs.
   * @returns the weights of a pass through the twin, valid until the next call
   */
  async prune(task: BlockTask, summaries: Summaries | null, signal?: AbortSignal): Promise<Weights> {
    let weights: Weights = task.dense;
    for (const input of inputsOf(this.graph))
      weights = await this.pruneInput(task, input, weights, summaries?.get(input) ?? null, new Map(), signal);
    return weights;
  }

  /**
   * Prunes the layers of one input.
   * @param before weights of a pass so far: the twin's, where layers have been pruned, else the dense ones
   * @param correlations what layers are fitted to where not to their own outputs, by their names (`LayerTask`)
   * @returns `before` with these layers pruned
   */
  async pruneInput(
    { block, dense, targets }: BlockTask,
    input: string,
    before: Weights,
    summary: InputSummary | null,
    correlations: ReadonlyMap<string, Tensor<'f64'>>,
    signal?: AbortSignal,
  ): Promise<Weights> {
    const tasks = this.graph.linears
      .filter((layer) => layer.input === input)
      .map((layer) => ({
        layer,
        dense: tensorOf(dense, `${layer.name}.weight`),
        out: tensorOf(this.#own, `${layer.name}.weight`),
        target: targets.get(layer.name) as Target,
        correlation: correlations.get(layer.name) ?? null,
      }));
    await this.pruner.prune({ block, summary, tasks }, signal);
    return new Map([...before, ...tasks.map(({ layer, out }) => [`${layer.name}.weight`, out] as const)]);
  }

  free(): void {
    for (const tensor of this.#own.values()) this.backend.free(tensor);
  }
}

/** The names of the inputs of a block's layers, in order: the stages in which a block is gone through. */
export function inputsOf(graph: Graph): string[] {
  return [...new Set(graph.linears.map(({ input }) => input))];
}
