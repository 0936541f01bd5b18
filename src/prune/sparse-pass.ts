// The pass of a search through a pruned block, on sparse matrices where that is faster.

import type { Backend } from '../backend/backend.js';
import type { Weights } from '../models/graph.js';
import { tensorOf } from '../models/weights.js';
import type { SparseMatrix } from '../tensor/sparse-matrix.js';

/**
 * Runs a function with the weights of some layers as sparse matrices, which go when it ends.
 * @param layers their names, without ".weight"; of all others the weights are those given
 */
export async function withSparse<T>(
  backend: Backend,
  weights: Weights,
  layers: readonly string[],
  run: (weights: Weights) => Promise<T>,
): Promise<T> {
  const sparse = new Map<string, SparseMatrix>();
  try {
    for (const layer of layers) {
      const name = `${layer}.weight`;
      sparse.set(name, backend.compress(tensorOf(weights, name), 'f32'));
    }
    return await run(new Map([...weights, ...sparse]));
  } finally {
    for (const matrix of sparse.values()) backend.free(matrix);
  }
}
