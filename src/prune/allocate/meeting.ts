// What a run promises of its allocation beyond what a schedule gives. Clamped schedules miss the sparsity that was asked
// for: with exact rounding the blocks make up for it among themselves. With n:m masks, ours, shares become whole numbers
// n_b of every m whose mean is that of the pattern, so that 4:8 can be 2:8 in the first block and 6:8 in the last.

import { UsageError } from '../../errors.js';
import { type Allocation, allocate } from '../allocation.js';
import type { PruneContext } from '../context.js';
import { groupCounts } from './group-counts.js';
import { withMean } from './schedule.js';

/** An allocation of the plan's own top-up as the run uses it: as it is, or with what the plan promises. */
export function meetPlan(context: PruneContext, allocation: Allocation): Allocation {
  const { graph, plan } = context;
  if (plan.policy.kind === 'n:m') return inGroups(context, allocation);
  const shares = blockShares(allocation);
  if (plan.rounding !== 'exact' || shares === null) return allocation;
  const met = withMean(shares, plan.sparsity);
  return allocate(graph, (block) => met[block]);
}

/**
 * The allocation itself, or where masks are n:m, with every share a whole number of each m.
 * @throws UsageError where the layers of a block have shares of their own
 */
export function inGroups({ graph, plan }: PruneContext, allocation: Allocation): Allocation {
  if (plan.policy.kind !== 'n:m') return allocation;
  const { m } = plan.policy;
  const shares = blockShares(allocation);
  if (shares === null)
    throw new UsageError(`expected one share for each block with pattern ${plan.pattern}, got several in one block`);
  const counts = groupCounts(shares, m, Math.round(shares.length * m * plan.sparsity));
  return allocate(graph, (block) => counts[block] / m);
}

/** The share of each block; null where its layers, or their rows, have several. */
function blockShares(allocation: Allocation): number[] | null {
  const shares = allocation.map((block) => new Set(block.values()));
  if (shares.some((block) => block.size > 1)) return null;
  const numbers = shares.map((block) => [...block][0]);
  return numbers.every((share) => typeof share === 'number') ? numbers : null;
}

/** The candidates themselves, or where masks are n:m, the first of those that whole numbers of each m made equal. */
export function distinctInGroups<C extends { allocation: Allocation }>({ plan }: PruneContext, candidates: C[]): C[] {
  if (plan.policy.kind !== 'n:m') return candidates;
  const seen = new Set<string>();
  return candidates.filter(({ allocation }) => {
    const text = allocation.map((block) => [...block.values()]).join();
    return !seen.has(text) && seen.add(text);
  });
}
