// How the linear layers that share an input get their pruned weights. Score, mask and update are each a pruner, or wrap
// one: a score's masks are what DSnoT swaps in, and any masks are what ADMM fits the kept weights on.

import type { LinearLayer } from '../models/graph.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Target } from './allocation.js';
import type { InputSummary, StatisticsNeeds } from './statistics.js';

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
