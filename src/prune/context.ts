// What every stage of one pruning run works with.

import type { Backend } from '../backend/backend.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import type { Graph, Weights } from '../models/graph.js';
import type { LongRunning } from '../progress.js';
import type { Plan } from './options.js';
import type { BlockStream } from './stream.js';

export interface PruneContext extends LongRunning {
  checkpoint: Checkpoint;
  graph: Graph;
  backend: Backend;
  /** Embeddings, final norm, head. */
  outer: Weights;
  plan: Plan;
  /** Calibration windows of the final pass. */
  windows: readonly ArrayLike<number>[];
  /** Those of a search, the first of them. */
  searchStream: BlockStream;
  /** Bytes that the hidden states of a search's waiting candidates may take. */
  searchMemory: number;
  /** Whether a search runs every candidate to its end. */
  exhaustive: boolean;
}
