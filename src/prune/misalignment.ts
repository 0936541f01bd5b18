// Neuron alignment (§7 of the algorithms page): how far the activations of the sparse model lie from the dense model's,
// block by block, each block compared on the inputs that the sparse blocks before it really give it.

import { FASTER_FROM } from '../models/forms.js';
import type { Weights } from '../models/graph.js';
import { blockBytes, freeWeights, loadBlock } from '../models/weights.js';
import { type Allocation, meanTarget } from './allocation.js';
import type { PruneContext } from './context.js';
import { prunerOf } from './plan-pruner.js';
import { PrunedBlock, type Summaries } from './pruned-block.js';
import { withSparse } from './sparse-pass.js';
import { type Activations, InputStatistics } from './statistics.js';
import type { HiddenStates } from './stream.js';
import { WaitingStates } from './waiting-states.js';

/** Alignment difference δ = a^D − a^S of each input of one block, by the input's name, in f32. */
export type Differences = ReadonlyMap<string, Float32Array>;

export interface Alignment {
  /** Σ over all linear layers so far of ‖a^D/Σa^D − a^S/Σa^S‖₂ / inputs; lower is better, and it only grows. */
  misalignment: number;
  /** δ of each block so far. */
  differences: Differences[];
}

/** Dense blocks that may stay in memory together; of a model larger than that, one at least. */
const BLOCK_BYTES = 1 << 28;

/** Candidates on their way through the blocks, each advanced by a block when its turn comes. */
export class AlignmentRun {
  readonly results: readonly Alignment[];
  readonly #dense: InputStatistics;
  readonly #sparse: InputStatistics;
  readonly #twin: PrunedBlock;
  /** Embeddings: the states that enter block 0 are the same for every candidate, and so is its dense pass. */
  readonly #first: HiddenStates;
  #firstDense: InputStatistics | null;
  #firstSummaries: Summaries | null = null;
  readonly #waiting: WaitingStates;
  /** Blocks last used, the oldest first: candidates come back to them in no order. */
  readonly #loaded = new Map<number, Weights>();

  constructor(
    readonly context: PruneContext,
    readonly candidates: readonly Allocation[],
  ) {
    const { graph, backend, outer, plan, searchStream, searchMemory } = context;
    this.results = candidates.map(() => ({ misalignment: 0, differences: [] }));
    // Where a layer's weights compete as a whole, the search compares rows all the same (§8).
    const policy = plan.policy.kind === 'layer' ? { ...plan.policy, kind: 'row' as const } : plan.policy;
    const pruner = prunerOf(backend, { ...plan, policy }, { search: true });
    const statistics = (needs = {}) =>
      new InputStatistics(backend, graph.linears, searchStream.windows.length, searchStream.seqLen, needs);
    this.#dense = statistics(pruner.needs ?? {});
    this.#firstDense = statistics(pruner.needs ?? {});
    this.#sparse = statistics();
    this.#twin = new PrunedBlock(backend, graph, pruner);
    this.#first = searchStream.embed(outer);
    this.#waiting = new WaitingStates(searchStream, searchMemory);
  }

  /** Whether candidate i has been through all blocks. */
  isComplete(i: number): boolean {
    return this.results[i].differences.length === this.context.graph.config.num_hidden_layers;
  }

  /** The next block of candidate i: a dense pass, masks from its activations, a sparse pass on the same inputs. */
  async advance(i: number): Promise<void> {
    const { graph, backend, searchStream, signal } = this.context;
    const result = this.results[i];
    const b = result.differences.length;
    const isLast = b + 1 === graph.config.num_hidden_layers;
    const dense = await this.#load(b);
    const own = b > 0 || !isLast ? await this.#waiting.hold(i, (c) => this.results[c].misalignment) : null;
    const from = b === 0 ? this.#first : (own as HiddenStates);
    const summaries = b === 0 ? await this.#firstPass(dense) : await this.#densePass(b, dense, from, this.#dense);
    const pruned = await this.#twin.prune({ block: b, dense, targets: this.candidates[i][b] }, summaries, signal);
    this.#sparse.reset();
    await withSparse(backend, pruned, this.#sparseLayers(i, b), (weights) =>
      searchStream.run(b, weights, from, isLast ? null : own, this.#sparse.observe, signal),
    );
    const sparse = await this.#sparse.activations();
    for (const { input } of graph.linears)
      result.misalignment += layerMisalignment(activationsOf(summaries, input), sparse.get(input) as Float32Array);
    result.differences.push(difference(summaries, sparse));
    if (this.results.every(({ differences }) => differences.length > 0)) this.#freeFirst();
    if (isLast) this.#waiting.release(i);
  }

  free(): void {
    const { backend, searchStream } = this.context;
    this.#waiting.free();
    searchStream.free(this.#first);
    for (const weights of this.#loaded.values()) freeWeights(backend, weights);
    for (const statistics of [this.#dense, this.#sparse]) statistics.free();
    this.#freeFirst();
    this.#twin.free();
  }

  /** The layers of block b whose pass is faster as sparse matrices: on a GPU, which makes them dense again, none. */
  #sparseLayers(i: number, b: number): string[] {
    if (this.context.backend.info.backend === 'webgpu') return [];
    return [...this.candidates[i][b]].flatMap(([name, target]) =>
      meanTarget(target) >= FASTER_FROM.f32 ? [name] : [],
    );
  }

  /** The dense pass of block 0, for all candidates; its Gram matrices go once the last of them has been there. */
  async #firstPass(weights: Weights): Promise<Summaries> {
    this.#firstSummaries ??= await this.#densePass(0, weights, this.#first, this.#firstDense as InputStatistics);
    return this.#firstSummaries;
  }

  #freeFirst(): void {
    this.#firstDense?.free();
    this.#firstDense = null;
    this.#firstSummaries = null;
  }

  async #densePass(
    block: number,
    weights: Weights,
    from: HiddenStates,
    statistics: InputStatistics,
  ): Promise<Summaries> {
    const { searchStream, signal } = this.context;
    statistics.reset();
    await searchStream.run(block, weights, from, null, statistics.observe, signal);
    return statistics.summaries();
  }

  async #load(block: number): Promise<Weights> {
    const { checkpoint, graph, backend, signal } = this.context;
    const loaded = this.#loaded.get(block);
    if (loaded) return loaded;
    const room = Math.max(1, Math.floor(BLOCK_BYTES / blockBytes(graph)));
    for (const [oldest, weights] of this.#loaded) {
      if (this.#loaded.size < room) break;
      freeWeights(backend, weights);
      this.#loaded.delete(oldest);
    }
    const weights = await loadBlock(checkpoint, graph, backend, block, signal);
    this.#loaded.set(block, weights);
    return weights;
  }
}

/** e of one layer: distance of the normalised activations, over the number of inputs. */
export function layerMisalignment(dense: Float32Array, sparse: Float32Array): number {
  const sum = (a: Float32Array) => a.reduce((x, y) => x + y, 0) || 1;
  const [sumD, sumS] = [sum(dense), sum(sparse)];
  let squares = 0;
  for (let c = 0; c < dense.length; c++) squares += (dense[c] / sumD - sparse[c] / sumS) ** 2;
  return Math.sqrt(squares) / dense.length;
}

const activationsOf = (summaries: Summaries, input: string) => summaries.get(input)?.activations as Float32Array;

function difference(dense: Summaries, sparse: Activations): Differences {
  return new Map(
    [...dense].map(([input, { activations }]) => [
      input,
      activations.map((v, c) => v - (sparse.get(input) as Float32Array)[c]),
    ]),
  );
}
