// The pruner that a plan's method, top-up and update come to.

import type { Backend } from '../backend/backend.js';
import { DsnotPruner } from './allocate/dsnot-pruner.js';
import type { LayerPruner } from './layer-pruner.js';
import type { Plan } from './options.js';
import { ScorePruner } from './scores/score-pruner.js';
import { AdmmPruner, AdmmUpdate } from './updates/admm-pruner.js';
import { SparseGptPruner } from './updates/sparsegpt-pruner.js';

/** The pruner of a plan; that of a search leaves out an update that comes after the masks. */
export function prunerOf(backend: Backend, plan: Plan, { search }: { search: boolean }): LayerPruner {
  const { score, method, sameSign, update, policy } = plan;
  let pruner: LayerPruner;
  if (score) pruner = new ScorePruner(backend, score, policy);
  else if (method === 'sparsegpt') pruner = new SparseGptPruner(backend, policy);
  else pruner = new AdmmPruner(backend, policy);
  if (sameSign !== undefined) pruner = new DsnotPruner(backend, pruner, sameSign);
  return update === 'admm' && !search ? new AdmmUpdate(backend, pruner) : pruner;
}
