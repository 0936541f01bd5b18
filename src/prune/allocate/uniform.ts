// The same sparsity everywhere.

import type { Graph } from '../../models/graph.js';
import { type Allocation, allocate } from '../allocation.js';

/** Sparsity s for every layer. */
export function uniform(graph: Graph, s: number): Allocation {
  return allocate(graph, () => s);
}
