// The candidate with the smallest misalignment. A partial sum only grows, so advancing always the candidate with the
// smallest one finds the winner of the exhaustive search, ties included, without running most candidates to their end
// (§8 of the algorithms page).

import type { Allocation } from './allocation.js';
import type { PruneContext } from './context.js';
import { type Alignment, AlignmentRun } from './misalignment.js';

export interface SearchResult {
  /** Index of the winner: the smallest misalignment, the first on ties. */
  best: number;
  /** Of each candidate, as far as it was run. */
  results: readonly Alignment[];
}

/**
 * Searches `candidates`, in order of preference on ties; where the context says exhaustive each is run to its end, for
 * its curve. `advanced` is called after each block of each candidate.
 */
export async function search(
  context: PruneContext,
  candidates: readonly Allocation[],
  advanced: () => void,
): Promise<SearchResult> {
  const run = new AlignmentRun(context, candidates);
  try {
    if (context.exhaustive) await runAll(run, advanced);
    return { best: await bestFirst(run, advanced), results: run.results };
  } finally {
    run.free();
  }
}

/** Every candidate to its end, as many together as their states fit into memory: each block is loaded once for them. */
async function runAll(run: AlignmentRun, advanced: () => void): Promise<void> {
  const { graph, searchStream, searchMemory } = run.context;
  const together = Math.max(1, Math.floor(searchMemory / searchStream.stateBytes));
  for (let first = 0; first < run.candidates.length; first += together)
    for (let b = 0; b < graph.config.num_hidden_layers; b++)
      for (let i = first; i < Math.min(first + together, run.candidates.length); i++) {
        await run.advance(i);
        advanced();
      }
}

/** Advances the smallest partial sum, the first of equal ones, until it is that of a complete candidate: the winner. */
async function bestFirst(run: AlignmentRun, advanced: () => void): Promise<number> {
  for (;;) {
    const least = run.results.reduce((l, r, i) => (r.misalignment < run.results[l].misalignment ? i : l), 0);
    if (run.isComplete(least)) return least;
    await run.advance(least);
    advanced();
  }
}
