// What every stage of one pruning run works with.

import type { Backend } from '../backend/backend.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import type { Graph, Weights } from '../models/graph.js';
import type { LongRunning } from '../progress.js';
import type { Score } from './scores/score.js';
import type { BlockStream } from './stream.js';

export interface PruneContext extends LongRunning {
  checkpoint: Checkpoint;
  graph: Graph;
  backend: Backend;
  /** Embeddings, final norm, head. */
  outer: Weights;
  score: Score;
  /** The windows of the λ search. */
  search: BlockStream;
}
