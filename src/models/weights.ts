// Weights from a checkpoint into a backend: the outer ones, or those of one block, so that pruning never holds a model.

import { join } from 'node:path';
import type { Backend } from '../backend/backend.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { CheckpointError } from '../errors.js';
import { shapeText, tensorAt } from '../quoted.js';
import type { Graph, Shapes, Weights } from './graph.js';

/** Under which name the checkpoint holds a tensor: as given, without the leading `model.` (a base model), or its alias. */
export function storedName(checkpoint: Checkpoint, graph: Graph, name: string): string {
  const alias = graph.aliases.get(name);
  const names = [name, name.replace(/^model\./, ''), ...(alias === undefined ? [] : [alias])];
  const stored = names.find((n) => checkpoint.has(n));
  if (stored !== undefined) return stored;
  throw new CheckpointError({
    expected: `tensor ${[...new Set(names)].join(' or ')}`,
    got: 'none of that name',
    where: checkpoint.folder,
  });
}

/** Name in the checkpoint, without ".weight", of the linear layer `name` of a block. */
export function storedLayer(checkpoint: Checkpoint, graph: Graph, block: number, name: string): string {
  return storedName(checkpoint, graph, `${graph.prefix(block)}${name}.weight`).replace(/\.weight$/, '');
}

/** How many weights are 0 (or −0). */
export function countZeros(values: Float32Array): number {
  let zeros = 0;
  for (const v of values) if (v === 0) zeros++;
  return zeros;
}

/** Fails unless the checkpoint holds every tensor of the graph in its shape: asked before any work begins. */
export function checkShapes(checkpoint: Checkpoint, graph: Graph): void {
  const check = (prefix: string, shapes: Shapes) => {
    for (const [name, shape] of shapes) {
      const stored = storedName(checkpoint, graph, prefix + name);
      const info = checkpoint.info(stored);
      if (String(info.shape) !== String(shape))
        throw new CheckpointError({
          expected: `shape ${shapeText(shape)}, which config.json implies`,
          got: shapeText(info.shape),
          where: tensorAt(join(checkpoint.folder, info.file), stored),
        });
    }
  };
  check('', graph.outerShapes);
  const blocks = graph.config.num_hidden_layers;
  for (let b = 0; b < blocks; b++) check(graph.prefix(b), graph.blockShapes);
  const next = graph.prefix(blocks);
  const surplus = checkpoint.names().find((name) => name.startsWith(next) || `model.${name}`.startsWith(next));
  if (surplus !== undefined)
    throw new CheckpointError({
      expected: `${blocks} blocks, the num_hidden_layers of config.json`,
      got: `tensor ${surplus}`,
      where: checkpoint.folder,
    });
}

/** Numbers in all tensors of the model, tied ones once. */
export function countParameters(graph: Graph): number {
  return count(graph.outerShapes) + graph.config.num_hidden_layers * count(graph.blockShapes);
}

/** Bytes of one block on a backend. */
export function blockBytes(graph: Graph): number {
  return 4 * count(graph.blockShapes);
}

const count = (shapes: Shapes): number =>
  [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);

/** Embeddings, final norm and head. */
export function loadOuter(
  checkpoint: Checkpoint,
  graph: Graph,
  backend: Backend,
  signal?: AbortSignal,
): Promise<Weights> {
  return load(checkpoint, graph, backend, '', graph.outerShapes, signal);
}

/** All tensors of block b, by their names inside it. */
export function loadBlock(
  checkpoint: Checkpoint,
  graph: Graph,
  backend: Backend,
  block: number,
  signal?: AbortSignal,
): Promise<Weights> {
  return load(checkpoint, graph, backend, graph.prefix(block), graph.blockShapes, signal);
}

export function freeWeights(backend: Backend, weights: Weights): void {
  for (const tensor of weights.values()) backend.free(tensor);
}

async function load(
  checkpoint: Checkpoint,
  graph: Graph,
  backend: Backend,
  prefix: string,
  shapes: Shapes,
  signal?: AbortSignal,
): Promise<Weights> {
  const weights = new Map();
  try {
    for (const [name, shape] of shapes) {
      const values = await checkpoint.readFloats(storedName(checkpoint, graph, prefix + name), shape, signal);
      const tensor = backend.allocate('f32', shape);
      weights.set(name, tensor);
      backend.write(tensor, values);
    }
  } catch (error) {
    freeWeights(backend, weights);
    throw error;
  }
  return weights;
}
