// An allocation says how much every linear layer of every block loses, and nothing else: which weights those are is the
// business of a score and a mask. Any allocation goes with any score.

import type { Graph, LinearLayer } from '../models/graph.js';

/** Share of weights to remove, in [0, 1): of every row of a layer alike, or one for each row. */
export type Target = number | Float64Array;

/** For each block, the target of each linear layer by its name inside the block. */
export type Allocation = readonly ReadonlyMap<string, Target>[];

/** The allocation that `target` gives for each layer. */
export function allocate(graph: Graph, target: (block: number, layer: LinearLayer) => Target): Allocation {
  return Array.from(
    { length: graph.config.num_hidden_layers },
    (_, block) => new Map(graph.linears.map((layer) => [layer.name, target(block, layer)])),
  );
}

/** A target as one number: the mean over the rows. */
export function meanTarget(target: Target): number {
  return typeof target === 'number' ? target : target.reduce((a, b) => a + b, 0) / target.length;
}
