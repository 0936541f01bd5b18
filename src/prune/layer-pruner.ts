// How the linear layers that share an input get their pruned weights. Score, mask and update are each a pruner, or wrap
// one: a score's masks are what DSnoT swaps in, and any masks are what ADMM fits the kept weights on.

import type { Backend } from '../backend/backend.js';
import type { LinearLayer } from '../models/graph.js';
import type { Tensor } from '../tensor/tensor.js';
import { DsnotPruner } from './allocate/dsnot-pruner.js';
import type { Target } from './allocation.js';
import type { Plan } from './options.js';
import { ScorePruner } from './scores/score-pruner.js';
import type { InputSummary, StatisticsNeeds } from './statistics.js';
import { AdmmPruner, AdmmUpdate } from './updates/admm-pruner.js';
import { SparseGptPruner } from './updates/sparsegpt-pruner.js';

/** One layer to prune. */
export interface LayerTask {
  layer: LinearLayer;
  /** W[rows, columns]. */
  dense: Tensor<'f32'>;
  /** Where the pruned weights go. */
  out: Tensor<'f32'>;
  target: Target;
  /** YᵀX [rows, columns] of targets Y of an update; null: the layer's own outputs. */
  correlation: Tensor<'f64'> | null;
}

/** The layers of one input of one block. */
export interface InputGroup {
  block: number;
  /** Of their input; null where the pruner asks for no statistics. */
  summary: InputSummary | null;
  tasks: readonly LayerTask[];
}

export interface LayerPruner {
  /** What it must know of an input; null: nothing. */
  readonly needs: StatisticsNeeds | null;
  prune(group: InputGroup, signal?: AbortSignal): Promise<void>;
}

/** The pruner of a plan; that of a search leaves out an update that comes after the masks. */
export function prunerOf(backend: Backend, plan: Plan, { search }: { search: boolean }): LayerPruner {
  const { score, method, allocator, topUp, update, policy } = plan;
  let pruner: LayerPruner;
  if (score) pruner = new ScorePruner(backend, score, policy);
  else if (method === 'sparsegpt') pruner = new SparseGptPruner(backend, policy);
  else pruner = new AdmmPruner(backend, policy);
  if (allocator === null && topUp === 'dsnot') pruner = new DsnotPruner(backend, pruner, plan.sameSign ?? false);
  return update === 'admm' && !search ? new AdmmUpdate(backend, pruner) : pruner;
}
