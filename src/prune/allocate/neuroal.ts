// NeuroAL (arXiv 2411.07066): redistributes a sparsity over blocks, then over rows, with the strength λ chosen by neuron
// alignment. The schedules are §6 of the algorithms page, the two steps §8; the candidates are the published ones.

import type { Graph } from '../../models/graph.js';
import { type Allocation, allocate, type Target } from '../allocation.js';
import type { PruneContext } from '../context.js';
import type { Alignment, Differences } from '../misalignment.js';
import type { Candidate, Search } from '../record.js';
import { search } from '../search.js';
import { distinctInGroups, meetPlan } from './meeting.js';
import { numpyMean } from './numpy-mean.js';
import { clampSparsity, keptShares, LEAST, MOST, withMean } from './schedule.js';

const LAMBDAS = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.12, 0.15, 0.2, 0.25];

/**
 * Block schedule: sparsity rises on a line from s − λ at the first block to s + λ at the last, clamped into (0, 1).
 * @returns one sparsity for each of `blocks` blocks
 */
export function blockSchedule(blocks: number, s: number, lambda: number): number[] {
  if (blocks === 1) return [s];
  const kept = keptShares([...new Array(blocks).keys()], s, lambda);
  return Array.from(kept.sort().reverse(), (share) => clampSparsity(1 - share));
}

/**
 * Row schedule: a row keeps the more, the more norm its neuron lost (δ is dense minus sparse); s on average.
 * @returns one sparsity for each of `rows` rows; s on every row where δ says nothing or is of another length
 */
export function rowSchedule(rows: number, s: number, delta: Float32Array | undefined, lambda: number): Float64Array {
  const low = delta?.reduce((a, b) => Math.min(a, b), Infinity) ?? 0;
  const high = delta?.reduce((a, b) => Math.max(a, b), -Infinity) ?? 0;
  if (!delta || delta.length !== rows || high === low || delta.reduce((a, b) => a + b, 0) === 0)
    return new Float64Array(rows).fill(s);
  const g = Float64Array.from(delta, (d) => ((d - low) / (high - low)) * lambda * 2);
  const shift = numpyMean(g) - (1 - s);
  return g.map((v) => Math.min(Math.max(1 - (v - shift), LEAST), MOST));
}

/** The block schedule as an allocation. */
export function blockAllocation(graph: Graph, s: number, lambda: number): Allocation {
  const schedule = blockSchedule(graph.config.num_hidden_layers, s, lambda);
  return allocate(graph, (block) => schedule[block]);
}

/**
 * The row schedule on top of an allocation by blocks; the last block keeps its sparsity on every row. Where it is to be
 * `exact`, the rows of a layer make up for those that are clipped.
 */
export function rowAllocation(
  graph: Graph,
  base: Allocation,
  differences: readonly Differences[],
  lambda: number,
  exact: boolean,
): Allocation {
  const last = graph.config.num_hidden_layers - 1;
  return allocate(graph, (block, { name, rows, feeds, parts }): Target => {
    const delta = feeds === null || block === last ? undefined : differences[block].get(feeds);
    const s = base[block].get(name) as number;
    const schedule = rowSchedule(rows / parts, s, delta, lambda);
    const one = exact ? withMean(schedule, s) : schedule;
    return parts === 1 ? one : Float64Array.from({ length: rows }, (_, r) => one[r % one.length]);
  });
}

/** The candidates of the block step: one for each λ, or where masks are n:m, for the first λ of each that differs. */
function blockCandidates(context: PruneContext): { lambda: number; allocation: Allocation }[] {
  const { graph, plan } = context;
  const { sparsity: s, step } = plan;
  const lambdas = step === 'row' ? [0] : LAMBDAS.filter((lambda) => s < 0.8 || lambda !== 0.25);
  const candidates = lambdas.map((lambda) => ({
    lambda,
    allocation: meetPlan(context, blockAllocation(graph, s, lambda)),
  }));
  return distinctInGroups(context, candidates);
}

/** Both steps of a plan, or one of them. */
export async function neuroal(context: PruneContext): Promise<{ allocation: Allocation; search: Search }> {
  const { graph, onProgress, plan } = context;
  const { step } = plan;
  const blocks = graph.config.num_hidden_layers;
  const candidates = blockCandidates(context);
  const blockLambdas = candidates.map(({ lambda }) => lambda);
  const rowLambdas = step === 'block' ? [] : [0, ...LAMBDAS];
  const total = (blockLambdas.length + rowLambdas.length) * blocks;
  let run = 0;
  let skipped = 0;
  const choose = async (note: string, candidates: readonly Allocation[]) => {
    const report = () => onProgress?.({ phase: 'search', done: run + skipped, total, note });
    const before = run;
    const found = await search(context, candidates, () => {
      run++;
      report();
    });
    const saved = candidates.length * blocks - (run - before);
    skipped += saved;
    if (saved > 0) report();
    return found;
  };

  const base = candidates.map(({ allocation }) => allocation);
  const byBlock = await choose('block step', base);
  let allocation = base[byBlock.best];
  const record: Search = {
    lambda: { block: step === 'row' ? null : blockLambdas[byBlock.best], row: null },
    block: step === 'row' ? [] : curve(blockLambdas, byBlock.results, blocks),
    row: [],
    blockPasses: { run, exhaustive: total },
  };
  if (step !== 'block') {
    const { differences } = byBlock.results[byBlock.best];
    const exact = plan.rounding === 'exact';
    const rows = rowLambdas.map((lambda) => rowAllocation(graph, base[byBlock.best], differences, lambda, exact));
    const byRow = await choose('row step', rows);
    allocation = rows[byRow.best];
    record.lambda.row = rowLambdas[byRow.best];
    record.row = curve(rowLambdas, byRow.results, blocks);
    record.blockPasses.run = run;
  }
  return { allocation, search: record };
}

function curve(lambdas: readonly number[], results: readonly Alignment[], blocks: number): Candidate[] {
  return lambdas.map((lambda, i) => {
    const { misalignment, differences } = results[i];
    return { lambda, misalignment, blocks: differences.length, complete: differences.length === blocks };
  });
}
