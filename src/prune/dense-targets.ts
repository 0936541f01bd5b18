// Pruning to what the dense model computes (§13 of the algorithms page; after asymmetric calibration as in GPTAQ, arXiv
// 2504.02692). Two streams of hidden states run through the blocks, dense and pruned, and a block is gone through in
// stages: a layer is fitted, on the inputs that the layers pruned before it really give it, to the dense model's own
// outputs, and where it joins the residual stream it also mends what the blocks before did to that.

import type { LinearLayer, Weights } from '../models/graph.js';
import { tensorOf } from '../models/weights.js';
import { safePoint } from '../progress.js';
import type { Tensor } from '../tensor/tensor.js';
import type { PruneContext } from './context.js';
import { type BlockTask, inputsOf, type PrunedBlock, type PruningStream } from './pruned-block.js';
import { InputStatistics, type StatisticsNeeds } from './statistics.js';
import { BlockStream, type HiddenStates } from './stream.js';

/** Rows of a layer between two safe points. */
const ROWS = 256;

export class DenseTargets implements PruningStream {
  /** A stream each: both inputs of a layer must be there at once. */
  readonly #dense: BlockStream;
  readonly #pruned: BlockStream;
  readonly #denseStates: HiddenStates;
  readonly #prunedStates: HiddenStates;

  constructor(
    readonly context: PruneContext,
    readonly twin: PrunedBlock,
  ) {
    const { graph, backend, outer, windows } = context;
    this.#dense = new BlockStream(graph, backend, windows);
    this.#pruned = new BlockStream(graph, backend, windows);
    this.#denseStates = this.#dense.embed(outer);
    this.#prunedStates = this.#pruned.embed(outer);
  }

  async prune(task: BlockTask): Promise<Weights> {
    let weights = task.dense;
    for (const input of inputsOf(this.context.graph)) weights = await this.#stage(task, input, weights);
    return weights;
  }

  async advance({ block, dense }: BlockTask, pruned: Weights): Promise<void> {
    const { signal } = this.context;
    await this.#dense.run(block, dense, this.#denseStates, this.#denseStates, undefined, signal);
    await this.#pruned.run(block, pruned, this.#prunedStates, this.#prunedStates, undefined, signal);
  }

  free(): void {
    for (const [stream, states] of [
      [this.#dense, this.#denseStates],
      [this.#pruned, this.#prunedStates],
    ] as const) {
      stream.free(states);
      stream.dispose();
    }
  }

  /** The layers of one input. */
  async #stage(task: BlockTask, input: string, before: Weights): Promise<Weights> {
    const { graph, backend, signal } = this.context;
    const layers = graph.linears.filter((layer) => layer.input === input);
    const { windows, seqLen } = this.#pruned;
    const needs = this.twin.pruner.needs as StatisticsNeeds;
    const statistics = new InputStatistics(backend, layers, windows.length, seqLen, needs);
    const correlations = new Map<string, Tensor<'f64'>>();
    try {
      await this.#observe(task, layers, before, statistics, correlations);
      const summary = (await statistics.summaries()).get(input) ?? null;
      return await this.twin.pruneInput(task, input, before, summary, correlations, signal);
    } finally {
      statistics.free();
      for (const tensor of correlations.values()) backend.free(tensor);
    }
  }

  /** Both streams up to the input of these layers: its statistics, and what each layer is fitted to. */
  async #observe(
    { block, dense }: BlockTask,
    layers: readonly LinearLayer[],
    before: Weights,
    statistics: InputStatistics,
    correlations: Map<string, Tensor<'f64'>>,
  ): Promise<void> {
    const { graph, backend, signal } = this.context;
    const [{ input, columns }] = layers;
    const { hidden_size } = graph.config;
    /** X_SᵀX_D, and where a layer joins the residual stream, (r_D − r_S)ᵀX_S. */
    const cross = backend.allocate('f64', [columns, columns]);
    const mend = layers.some(({ joins }) => joins !== null) ? backend.allocate('f64', [hidden_size, columns]) : null;
    try {
      for (const tensor of mend ? [cross, mend] : [cross]) backend.fill(tensor, 0);
      for (const [i, states] of this.#denseStates.entries()) {
        const own = this.#dense.input(block, dense, states, input);
        const given = this.#pruned.input(block, before, this.#prunedStates[i], input);
        statistics.observe(input, given.x);
        backend.addCross(cross, given.x, own.x);
        if (mend) {
          const difference = backend.allocate('f32', [states.rowCount, hidden_size]);
          backend.add(difference, own.residual as Tensor<'f32'>, given.residual as Tensor<'f32'>, -1);
          backend.addCross(mend, difference, given.x);
          backend.free(difference);
        }
        await safePoint(signal);
      }
      for (const layer of layers) {
        const correlation = backend.allocate('f64', [layer.rows, columns]);
        correlations.set(layer.name, correlation);
        await this.#correlate(correlation, tensorOf(dense, `${layer.name}.weight`), cross, mend, layer.joins);
      }
    } finally {
      for (const tensor of mend ? [cross, mend] : [cross]) backend.free(tensor);
    }
  }

  /** YᵀX_S = W·X_DᵀX_S, and where the output joins the residual stream with a factor, + (r_D − r_S)ᵀX_S over it. */
  async #correlate(
    correlation: Tensor<'f64'>,
    weight: Tensor<'f32'>,
    cross: Tensor<'f64'>,
    mend: Tensor<'f64'> | null,
    factor: number | null,
  ): Promise<void> {
    const { backend, signal } = this.context;
    for (let from = 0; from < weight.rowCount; from += ROWS) {
      const to = Math.min(from + ROWS, weight.rowCount);
      const wide = backend.allocate('f64', [to - from, weight.columns]);
      const part = correlation.rows(from, to);
      backend.write(wide, new Float64Array(await backend.read(weight.rows(from, to))));
      backend.multiply(part, wide, cross);
      backend.free(wide);
      if (mend && factor !== null) {
        const [values, residual] = [await backend.read(part), await backend.read(mend.rows(from, to))];
        for (let i = 0; i < values.length; i++) values[i] += residual[i] / factor;
        backend.write(part, values);
      }
      await safePoint(signal);
    }
  }
}
