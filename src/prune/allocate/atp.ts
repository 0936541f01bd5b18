// ATP (arXiv 2502.14770; §6 of the algorithms page): sparsity rises from block to block by one step β. Perplexity on the
// calibration windows says which step is best.

import { CheckpointError } from '../../errors.js';
import { freeWeights, loadBlock } from '../../models/weights.js';
import { type Allocation, allocate } from '../allocation.js';
import type { PruneContext } from '../context.js';
import { OneStream } from '../one-stream.js';
import { prunerOf } from '../plan-pruner.js';
import { PrunedBlock } from '../pruned-block.js';
import type { Found } from './found.js';
import { distinctInGroups, inGroups } from './meeting.js';

/** Ramps are β = STEP, 2·STEP, … */
const STEP = 0.002;

/** Rounding error of a sparsity: what lies so little below 0 is 0, and so little below 1 is 1. */
const ERROR = 1e-12;

export interface Ramp {
  beta: number;
  /** One for each block, in [0, 1). */
  sparsities: number[];
}

/**
 * Every ramp s + β·(b − (blocks − 1)/2) that stays in [0, 1), by rising β. Where there is none, and for a single block,
 * the flat one alone: β = 0.
 */
export function ramps(blocks: number, s: number): Ramp[] {
  const middle = (blocks - 1) / 2;
  const found: Ramp[] = [];
  for (let k = 1; blocks > 1; k++) {
    const beta = Number((k * STEP).toFixed(3));
    if (s - beta * middle < -ERROR || s + beta * middle >= 1 - ERROR) break;
    found.push({ beta, sparsities: Array.from({ length: blocks }, (_, b) => Math.max(0, s + beta * (b - middle))) });
  }
  return found.length > 0 ? found : [{ beta: 0, sparsities: new Array<number>(blocks).fill(s) }];
}

/**
 * The ramp whose model has the least perplexity, the first on ties: pruned with the plan's method on the windows of the
 * search (weights that are fitted, to their own outputs) and measured on these windows. The published code measures on
 * the test set that it then reports.
 * @throws CheckpointError where no ramp leaves a model that works
 */
export async function atp(context: PruneContext): Promise<Found> {
  const { graph, backend, plan, checkpoint, onProgress } = context;
  const blocks = graph.config.num_hidden_layers;
  const met = ramps(blocks, plan.sparsity).map(({ beta, sparsities }) => {
    const allocation = allocate(graph, (block) => sparsities[block]);
    return { beta, allocation: inGroups(context, allocation) };
  });
  const candidates = distinctInGroups(context, met);
  const twin = new PrunedBlock(backend, graph, prunerOf(backend, plan, { search: true }));
  const perplexities: number[] = [];
  let done = 0;
  for (const { beta, allocation } of candidates)
    perplexities.push(
      await prunedPerplexity(context, twin, allocation, () =>
        onProgress?.({ phase: 'search', done: ++done, total: candidates.length * blocks, note: `ramp of ${beta}` }),
      ),
    );
  twin.free();
  const best = perplexities.reduce((least, p, i) => (p < (perplexities[least] ?? Infinity) ? i : least), -1);
  if (best < 0)
    throw new CheckpointError({
      expected: 'a ramp that leaves finite log-probabilities (or another top-up)',
      got: 'none',
      where: checkpoint.folder,
    });
  const evidence = {
    beta: candidates[best].beta,
    data: 'calibration windows of the search',
    candidates: candidates.map(({ beta }, i) => ({ beta, perplexity: perplexities[i] })),
  };
  return { allocation: candidates[best].allocation, search: null, evidence };
}

/** Perplexity of the search's windows in the model that an allocation leaves. */
async function prunedPerplexity(
  context: PruneContext,
  twin: PrunedBlock,
  allocation: Allocation,
  advanced: () => void,
): Promise<number> {
  const { graph, backend, checkpoint, outer, searchStream, signal } = context;
  const stream = new OneStream(context, twin, searchStream);
  for (let block = 0; block < graph.config.num_hidden_layers; block++) {
    const dense = await loadBlock(checkpoint, graph, backend, block, signal);
    const task = { block, dense, targets: allocation[block] };
    await stream.advance(task, await stream.prune(task));
    freeWeights(backend, dense);
    advanced();
  }
  const logProbabilities = await searchStream.logProbabilities(outer, stream.states, signal);
  stream.free();
  return Math.exp(-logProbabilities.reduce((sum, v) => sum + v, 0) / logProbabilities.length);
}
