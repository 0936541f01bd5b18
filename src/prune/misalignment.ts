// Neuron alignment (§7 of the algorithms page): how far the activations of the sparse model lie from the dense model's,
// block by block, each block compared on the inputs that the sparse blocks before it really give it.

import type { Weights } from '../models/graph.js';
import { blockBytes, freeWeights, loadBlock } from '../models/weights.js';
import type { Allocation } from './allocation.js';
import type { PruneContext } from './context.js';
import { MaskedBlock } from './masked-block.js';
import { type Activations, InputStatistics } from './statistics.js';
import type { HiddenStates } from './stream.js';

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
  readonly #statistics: InputStatistics;
  readonly #twin: MaskedBlock;
  /** Embeddings: the states that enter block 0 are the same for every candidate, and so is its dense pass. */
  readonly #first: HiddenStates;
  #firstDense: Activations | null = null;
  readonly #states: (HiddenStates | null)[];
  /** Blocks last used, the oldest first: candidates come back to them in no order. */
  readonly #loaded = new Map<number, Weights>();

  constructor(
    readonly context: PruneContext,
    readonly candidates: readonly Allocation[],
  ) {
    const { graph, backend, outer, score, search } = context;
    this.results = candidates.map(() => ({ misalignment: 0, differences: [] }));
    this.#statistics = new InputStatistics(backend, graph);
    this.#twin = new MaskedBlock(backend, graph, score);
    this.#first = search.embed(outer);
    this.#states = candidates.map(() => null);
  }

  /** Whether candidate i has been through all blocks. */
  isComplete(i: number): boolean {
    return this.results[i].differences.length === this.context.graph.config.num_hidden_layers;
  }

  /** The next block of candidate i: a dense pass, masks from its activations, a sparse pass on the same inputs. */
  async advance(i: number): Promise<void> {
    const { graph, search } = this.context;
    const result = this.results[i];
    const b = result.differences.length;
    const isLast = b + 1 === graph.config.num_hidden_layers;
    const weights = await this.#load(b);
    const from = this.#states[i] ?? this.#first;
    let dense = b === 0 ? this.#firstDense : null;
    dense ??= await this.#observed(b, weights, from, null);
    if (b === 0) this.#firstDense = dense;
    const masked = this.#twin.mask(weights, dense, this.candidates[i][b], { kind: 'row' });
    if (!isLast) this.#states[i] ??= search.allocate();
    const sparse = await this.#observed(b, masked, from, isLast ? null : this.#states[i]);
    for (const { input } of graph.linears)
      result.misalignment += layerMisalignment(dense.get(input) as Float32Array, sparse.get(input) as Float32Array);
    result.differences.push(difference(dense, sparse));
    if (isLast) this.#release(i);
  }

  free(): void {
    const { backend, search } = this.context;
    for (const i of this.#states.keys()) this.#release(i);
    search.free(this.#first);
    for (const weights of this.#loaded.values()) freeWeights(backend, weights);
    this.#statistics.free();
    this.#twin.free();
  }

  #release(i: number): void {
    const states = this.#states[i];
    if (states) this.context.search.free(states);
    this.#states[i] = null;
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

  async #observed(block: number, weights: Weights, from: HiddenStates, to: HiddenStates | null): Promise<Activations> {
    const { search, signal } = this.context;
    this.#statistics.reset();
    await search.run(block, weights, from, to, this.#statistics.observe, signal);
    return this.#statistics.activations(search.windows.length);
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

function difference(dense: Activations, sparse: Activations): Differences {
  return new Map([...dense].map(([input, a]) => [input, a.map((v, c) => v - (sparse.get(input) as Float32Array)[c])]));
}
