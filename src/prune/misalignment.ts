// Neuron alignment (§7 of the algorithms page): how far the activations of the sparse model lie from the dense model's,
// block by block, each block compared on the inputs that the sparse blocks before it really give it.

import { freeWeights, loadBlock } from '../models/weights.js';
import type { Allocation } from './allocation.js';
import type { PruneContext } from './context.js';
import { MaskedBlock } from './masked-block.js';
import { type Activations, InputStatistics } from './statistics.js';
import type { HiddenStates } from './stream.js';

/** Alignment difference δ = a^D − a^S of each input of one block, by the input's name, in f32. */
export type Differences = ReadonlyMap<string, Float32Array>;

export interface Alignment {
  /** Σ over all linear layers of ‖a^D/Σa^D − a^S/Σa^S‖₂ / inputs; lower is better. */
  misalignment: number;
  /** δ of each block. */
  differences: Differences[];
}

/** Hidden states of candidates that may wait in memory together. */
const STATE_BYTES = 1 << 30;

/**
 * The alignment of every candidate. Blocks are the outer loop, so that each is loaded once for a group of candidates as
 * large as memory for their hidden states allows. `advance` is called after each block of each candidate.
 */
export async function alignments(
  context: PruneContext,
  candidates: readonly Allocation[],
  advance: () => void,
): Promise<Alignment[]> {
  const size = Math.max(1, Math.floor(STATE_BYTES / context.search.stateBytes));
  const results: Alignment[] = [];
  for (let i = 0; i < candidates.length; i += size)
    results.push(...(await alignGroup(context, candidates.slice(i, i + size), advance)));
  return results;
}

async function alignGroup(
  { checkpoint, graph, backend, outer, score, search: stream, signal }: PruneContext,
  candidates: readonly Allocation[],
  advance: () => void,
): Promise<Alignment[]> {
  const { num_hidden_layers } = graph.config;
  const statistics = new InputStatistics(backend, graph);
  const twin = new MaskedBlock(backend, graph, score);
  const results = candidates.map((): Alignment => ({ misalignment: 0, differences: [] }));
  const first = stream.embed(outer);
  const states = candidates.map(() => stream.allocate());
  const observed = async (weights: Parameters<typeof stream.run>[0], from: HiddenStates, to: HiddenStates | null) => {
    statistics.reset();
    await stream.run(weights, from, to, statistics.observe, signal);
    return statistics.activations(stream.windows.length);
  };
  try {
    for (let b = 0; b < num_hidden_layers; b++) {
      const block = await loadBlock(checkpoint, graph, backend, b, signal);
      try {
        let dense: Activations | undefined;
        for (const [i, candidate] of candidates.entries()) {
          const from = b === 0 ? first : states[i];
          // Every candidate enters block 0 with the same states: its dense pass is run once.
          if (b > 0 || !dense) dense = await observed(block, from, null);
          const masked = twin.mask(block, dense, candidate[b], { kind: 'row' });
          const sparse = await observed(masked, from, b + 1 < num_hidden_layers ? states[i] : null);
          for (const { input } of graph.linears)
            results[i].misalignment += layerMisalignment(dense.get(input)!, sparse.get(input)!);
          results[i].differences.push(difference(dense, sparse));
          advance();
        }
      } finally {
        freeWeights(backend, block);
      }
    }
  } finally {
    for (const s of [first, ...states]) stream.free(s);
    statistics.free();
    twin.free();
  }
  return results;
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
