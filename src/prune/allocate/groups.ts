// Allocations for n:m masks, ours: the shares of the blocks become whole numbers n_b of every m whose mean is the target's,
// so that 4:8 can be 2:8 in the first block and 6:8 in the last.

import { UsageError } from '../../errors.js';
import { type Allocation, allocate, type Target } from '../allocation.js';
import type { PruneContext } from '../context.js';
import { groupCounts } from './group-counts.js';

/** The allocation itself, or where masks are n:m, with every share a whole number of each m. */
export function inGroups({ graph, plan }: PruneContext, allocation: Allocation): Allocation {
  if (plan.policy.kind !== 'n:m') return allocation;
  const { m } = plan.policy;
  const shares = allocation.map((block, b) => {
    const [first, ...others] = block.values();
    if (typeof first === 'number' && others.every((target: Target) => target === first)) return first;
    throw new UsageError(`expected one share for each block with pattern ${plan.pattern}, got several in block ${b}`);
  });
  const counts = groupCounts(shares, m);
  return allocate(graph, (block) => counts[block] / m);
}
