// Pruning to what the dense model computes (§13 of the algorithms page; after asymmetric calibration as in GPTAQ, arXiv
// 2504.02692). Two streams of hidden states run through the blocks, dense and pruned, and a block is gone through in
// stages: a layer is fitted, on the inputs that the layers pruned before it really give it, to the dense model's own
// outputs, and where it joins the residual stream it also mends what the blocks before did to that.

import type { Weights } from '../models/graph.js';
import { tensorOf } from '../models/weights.js';
import { safePoint } from '../progress.js';
import type { Tensor } from '../tensor/tensor.js';
import type { PruneContext } from './context.js';
import { type BlockTask, inputsOf, type PrunedBlock, type PruningStream } from './pruned-block.js';
import { InputStatistics, type StatisticsNeeds } from './statistics.js';
import { BlockStream, type HiddenStates } from './stream.js';

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
    const { block, dense } = task;
    const layers = graph.linears.filter((layer) => layer.input === input);
    const [{ columns }] = layers;
    const joins = layers.some((layer) => layer.joins !== null);
    const statistics = new InputStatistics(
      backend,
      layers,
      this.#pruned.windows.length,
      this.#pruned.seqLen,
      this.twin.pruner.needs as StatisticsNeeds,
    );
    /** X_SᵀX_D, and (r_D − r_S)ᵀX_S. */
    const cross = backend.allocate('f64', [columns, columns]);
    const mend = joins ? backend.allocate('f64', [graph.config.hidden_size, columns]) : null;
    const correlations = new Map<string, Tensor<'f64'>>();
    try {
      for (const tensor of mend ? [cross, mend] : [cross]) backend.fill(tensor, 0);
      for (const [i, states] of this.#denseStates.entries()) {
        const own = this.#dense.input(block, dense, states, input);
        const given = this.#pruned.input(block, before, this.#prunedStates[i], input);
        statistics.observe(input, given.x);
        backend.addCross(cross, given.x, own.x);
        if (mend) {
          const difference = backend.allocate('f32', [states.rowCount, graph.config.hidden_size]);
          backend.add(difference, own.residual as Tensor<'f32'>, given.residual as Tensor<'f32'>, -1);
          backend.addCross(mend, difference, given.x);
          backend.free(difference);
        }
        await safePoint(signal);
      }
      for (const { name, rows, joins: factor } of layers) {
        const correlation = backend.allocate('f64', [rows, columns]);
        correlations.set(name, correlation);
        await this.#correlate(correlation, tensorOf(dense, `${name}.weight`), cross, mend, factor);
      }
      const summary = (await statistics.summaries()).get(input) ?? null;
      return await this.twin.pruneInput(task, input, before, summary, correlations, signal);
    } finally {
      statistics.free();
      for (const tensor of [cross, ...(mend ? [mend] : []), ...correlations.values()]) backend.free(tensor);
    }
  }
  /** YᵀX_S = W·X_DᵀX_S, and where the output joins the residual stream with a factor, (r_D − r_S)ᵀX_S over it. */
  async #correlate(
    correlation: Tensor<'f64'>,
    weight: Tensor<'f32'>,
    cross: Tensor<'f64'>,
    mend: Tensor<'f64'> | null,
    factor: number | null,
  ): Promise<void> {
    const { backend } = this.context;
    const wide = backend.allocate('f64', weight.shape);
    backend.write(wide, new Float64Array(await backend.read(weight)));
    backend.multiply(correlation, wide, cross);
    backend.free(wide);
    if (!mend || factor === null) return;
    const [own, residual] = [await backend.read(correlation), await backend.read(mend)];
    backend.write(
      correlation,
      own.map((v, i) => v + residual[i] / factor),
    );
  }
}
