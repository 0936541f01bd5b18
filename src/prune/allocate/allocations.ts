// The registry of allocations: a name of `--top-up` to what finds the targets of every layer.

import type { PruneContext } from '../context.js';
import type { TopUp } from '../options.js';
import type { Allocator } from './allocator.js';
import { alpha } from './alpha.js';
import { askAllocator } from './ask-allocator.js';
import { atp } from './atp.js';
import type { Found } from './found.js';
import { inGroups, meetPlan } from './meeting.js';
import { neuroal } from './neuroal.js';
import { owl } from './owl.js';
import { uniform } from './uniform.js';

const asked =
  (allocator: Allocator) =>
  async (context: PruneContext): Promise<Found> => {
    const { allocation, evidence } = await askAllocator(context, allocator);
    return { allocation: meetPlan(context, allocation), search: null, evidence };
  };

const topUps: Record<TopUp, (context: PruneContext) => Promise<Found>> = {
  uniform: asked(uniform),
  neuroal: async (context) => ({ ...(await neuroal(context)), evidence: null }),
  owl: asked(owl),
  alpha: asked(alpha),
  // Uniform shares: what DSnoT changes is the masks.
  dsnot: asked(uniform),
  atp,
};

/** The allocation of a run's plan. */
export async function findAllocation(context: PruneContext): Promise<Found> {
  const { allocator, topUp } = context.plan;
  if (!allocator) return topUps[topUp as TopUp](context);
  // What the shares of a caller's own come to is the caller's business; n:m masks need whole numbers.
  const { allocation, evidence } = await askAllocator(context, allocator);
  return { allocation: inGroups(context, allocation), search: null, evidence };
}
