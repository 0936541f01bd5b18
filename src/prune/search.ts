// The candidate with the smallest misalignment. A partial sum only grows, so advancing always the candidate with the
// smallest one finds the winner of the exhaustive search, ties included, without running most candidates to their end
// (§8 of the algorithms page).

import type { Allocation } from './allocation.js';
import type { PruneContext } from './context.js';
import { type Alignment, AlignmentRun } from './misalignment.js';

/** Hidden states of waiting candidates that may be in memory together; more candidates than that run in groups. */
const STATE_BYTES = 1 << 30;

export interface SearchResult {
  /** Index of the winner: the smallest misalignment, the first on ties. */
  best: number;
  /** Of each candidate, as far as it was run. */
  results: Alignment[];
}

/**
 * Searches `candidates`, in order of preference on ties. With `exhaustive` each is run to its end, for its curve.
 * `advanced` is called after each block of each candidate.
 */
export async function search(
  context: PruneContext,
  candidates: readonly Allocation[],
  exhaustive: boolean,
  advanced: () => void,
): Promise<SearchResult> {
  const size = Math.max(1, Math.floor(STATE_BYTES / context.search.stateBytes));
  const results: Alignment[] = [];
  let best = -1;
  for (let at = 0; at < candidates.length; at += size) {
    const run = new AlignmentRun(context, candidates.slice(at, at + size));
    try {
      const incumbent = best < 0 ? Number.POSITIVE_INFINITY : results[best].misalignment;
      if (exhaustive) await runAll(run, advanced);
      const winner = await bestFirst(run, incumbent, advanced);
      results.push(...run.results);
      if (winner !== null) best = at + winner;
    } finally {
      run.free();
    }
  }
  return { best, results };
}

/** Every candidate to its end, block by block: each block is loaded once. */
async function runAll(run: AlignmentRun, advanced: () => void): Promise<void> {
  for (let b = 0; b < run.context.graph.config.num_hidden_layers; b++)
    for (const i of run.candidates.keys()) {
      await run.advance(i);
      advanced();
    }
}

/** Advances the smallest partial sum until it is that of a complete candidate, the winner; null once none can beat the incumbent. */
async function bestFirst(run: AlignmentRun, incumbent: number, advanced: () => void): Promise<number | null> {
  for (;;) {
    const least = run.results.reduce((l, r, i) => (r.misalignment < run.results[l].misalignment ? i : l), 0);
    if (run.results[least].misalignment >= incumbent) return null;
    if (run.isComplete(least)) return least;
    await run.advance(least);
    advanced();
  }
}
