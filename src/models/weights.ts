// Weights from a checkpoint into a backend: the outer ones, or those of one block, so that pruning never holds a model.

import type { Backend } from '../backend/backend.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { BackendError, CheckpointError } from '../errors.js';
import { shapeText, tensorAt } from '../quoted.js';
import { ColumnMatrix } from '../tensor/column-matrix.js';
import { Int8Matrix } from '../tensor/int8-matrix.js';
import { type Matrix, SparseMatrix, type Table } from '../tensor/sparse-matrix.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Graph, LinearLayer, TensorSpec, TensorSpecs, Weights } from './graph.js';
import { maskedRows } from './load-masked.js';
import { type ChosenForm, loadMatrix } from './load-matrix.js';
import { type MatrixSource, type Scratch, storedRows } from './matrix-source.js';

/** The weight of that name, dense or sparse; its absence is a mistake of the family's own description. */
export function matrixOf(weights: Weights, name: string): Matrix {
  const matrix = weights.get(name);
  if (!matrix) throw new BackendError({ expected: `a loaded tensor ${name}`, got: 'none', where: 'the forward pass' });
  return matrix;
}

/** The table of that name, of which rows are read; a sparse matrix there is a mistake of whoever loaded it. */
export function tableOf(weights: Weights, name: string): Table {
  const table = matrixOf(weights, name);
  if (table instanceof SparseMatrix) throw unfit(name, 'a sparse matrix');
  if (table instanceof ColumnMatrix) throw unfit(name, 'a matrix by columns');
  return table;
}

/** The tensor of that name in f32; another form there is a mistake of whoever loaded it. */
export function tensorOf(weights: Weights, name: string): Tensor<'f32'> {
  const tensor = tableOf(weights, name);
  if (!isF32(tensor)) throw unfit(name, `one of ${tensor instanceof Int8Matrix ? 'int8' : tensor.dtype}`);
  return tensor;
}

const isF32 = (table: Table): table is Tensor<'f32'> => !(table instanceof Int8Matrix) && table.dtype === 'f32';

const unfit = (name: string, got: string) =>
  new BackendError({ expected: `a dense tensor ${name} of f32`, got, where: 'the forward pass' });

/** Under which name the checkpoint holds a tensor: as given, without the prefix of the base model, or its alias. */
export function storedName(checkpoint: Checkpoint, graph: Graph, name: string): string {
  const alias = graph.aliases.get(name);
  const short = name.startsWith(graph.basePrefix) ? [name.slice(graph.basePrefix.length)] : [];
  const names = [name, ...short, ...(alias === undefined ? [] : [alias])];
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

/** Fails unless the checkpoint holds the tensors of the graph, all and no other, each in its shape: asked before any work. */
export async function checkTensors(checkpoint: Checkpoint, graph: Graph, signal?: AbortSignal): Promise<void> {
  checkShapes(checkpoint, graph);
  await checkTwins(checkpoint, graph, signal);
}

/** The same, but that what lies there under two names is not compared: no data is read. */
export function checkShapes(checkpoint: Checkpoint, graph: Graph): void {
  const check = (prefix: string, tensors: TensorSpecs) => {
    for (const [name, spec] of tensors) {
      const stored = storedName(checkpoint, graph, prefix + name);
      const info = checkpoint.info(stored);
      const shape = storedShape(spec);
      if (String(info.shape) !== String(shape))
        throw new CheckpointError({
          expected: `shape ${shapeText(shape)}, which config.json implies`,
          got: shapeText(info.shape),
          where: tensorAt(checkpoint.place.pathOf(info.file), stored),
        });
    }
  };
  check('', graph.outerTensors);
  const blocks = graph.config.num_hidden_layers;
  for (let b = 0; b < blocks; b++) check(graph.prefix(b), graph.blockTensors);
  checkSurplus(checkpoint, graph);
}

/** Fails where the file holds both of two names for one tensor, and not the same under them. */
async function checkTwins(checkpoint: Checkpoint, graph: Graph, signal?: AbortSignal): Promise<void> {
  for (const [stored, alias] of twinsOf(checkpoint, graph)) {
    const [a, b] = [await checkpoint.read(stored, signal), await checkpoint.read(alias, signal)];
    const other = new Uint8Array(b);
    if (a.byteLength !== b.byteLength || new Uint8Array(a).some((byte, i) => byte !== other[i]))
      throw twinsDiffer(checkpoint, stored, alias);
  }
}

/** Pairs of names under which one tensor lies in the file twice; the first one is what the graph reads. */
export function twinsOf(checkpoint: Checkpoint, graph: Graph): [stored: string, alias: string][] {
  return [...graph.aliases]
    .map(([name, alias]): [string, string] => [storedName(checkpoint, graph, name), alias])
    .filter(([stored, alias]) => stored !== alias && checkpoint.has(alias));
}

export function twinsDiffer(checkpoint: Checkpoint, stored: string, alias: string): CheckpointError {
  return new CheckpointError({
    expected: `${stored} and ${alias} to be the same, as config.json says (or tie_word_embeddings false there)`,
    got: 'two that differ',
    where: checkpoint.folder,
  });
}

/**
 * Fails for tensors that the graph would leave out although they belong to it: further blocks, and a weight or bias in a
 * block that config.json says is not there. Buffers, which some checkpoints hold too, are no weights.
 */
function checkSurplus(checkpoint: Checkpoint, graph: Graph): void {
  const blocks = graph.config.num_hidden_layers;
  const start = graph.prefix(0).slice(0, -2);
  const names = new Set(checkpoint.names());
  for (const stored of names) {
    const name = stored.startsWith(graph.basePrefix) ? stored : graph.basePrefix + stored;
    const [, block, inside] = (name.startsWith(start) && /^(\d+)\.(.+)$/.exec(name.slice(start.length))) || [];
    if (block === undefined) continue;
    const surplus = (expected: string) =>
      new CheckpointError({ expected, got: `tensor ${stored}`, where: checkpoint.folder });
    if (Number(block) >= blocks) throw surplus(`${blocks} blocks, the num_hidden_layers of config.json`);
    const [layer] = /^.+(?=\.(weight|bias)$)/.exec(stored) ?? [];
    if (layer !== undefined && names.has(`${layer}.weight`) && !graph.blockTensors.has(inside))
      throw surplus('only the tensors that config.json implies');
  }
}

/** Numbers in all tensors of the model, tied ones once. */
export function countParameters(graph: Graph): number {
  return count(graph.outerTensors) + graph.config.num_hidden_layers * count(graph.blockTensors);
}

/** Bytes of one block on a backend. */
export function blockBytes(graph: Graph): number {
  return 4 * count(graph.blockTensors);
}

const count = (tensors: TensorSpecs): number =>
  [...tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

const storedShape = ({ shape, layout }: TensorSpec) => layout?.storedShape(shape) ?? shape;

/** The weight of a linear layer of block `block`, [rows, columns], whichever way the checkpoint holds it. */
export function readWeight(
  checkpoint: Checkpoint,
  graph: Graph,
  block: number,
  { name }: LinearLayer,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const inside = `${name}.weight`;
  return read(checkpoint, graph, graph.prefix(block) + inside, graph.blockTensors.get(inside) as TensorSpec, signal);
}

/** Values of a tensor as the graph uses it, as the checkpoint holds it. */
export function storedValues(values: Float32Array, { rows, columns, layout }: LinearLayer): Float32Array {
  return layout?.store(values, [rows, columns]) ?? values;
}

async function read(
  checkpoint: Checkpoint,
  graph: Graph,
  name: string,
  spec: TensorSpec,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const stored = await checkpoint.readFloats(storedName(checkpoint, graph, name), storedShape(spec), signal);
  return spec.layout?.load(stored, spec.shape) ?? stored;
}

/** Embeddings, final norm and head, in f32. */
export function loadOuter(
  checkpoint: Checkpoint,
  graph: Graph,
  backend: Backend,
  signal?: AbortSignal,
): Promise<Weights> {
  return load(checkpoint, graph, backend, '', graph.outerTensors, signal);
}

/** How the matrices of a model that is loaded to run are to be in memory. */
export interface Forms {
  /** Of a matrix, by its name (inside the block) and its dtype in the checkpoint. */
  choose(name: string, dtype: string): ChosenForm;
  /** What they are read through. */
  scratch: Scratch;
}

/** All tensors of block b, by their names inside it, in f32. */
export function loadBlock(
  checkpoint: Checkpoint,
  graph: Graph,
  backend: Backend,
  block: number,
  signal?: AbortSignal,
): Promise<Weights> {
  return load(checkpoint, graph, backend, graph.prefix(block), graph.blockTensors, signal);
}

export function freeWeights(backend: Backend, weights: Weights): void {
  for (const tensor of weights.values()) backend.free(tensor);
}

async function load(
  checkpoint: Checkpoint,
  graph: Graph,
  backend: Backend,
  prefix: string,
  tensors: TensorSpecs,
  signal?: AbortSignal,
): Promise<Weights> {
  const weights = new Map<string, Matrix>();
  try {
    for (const [name, spec] of tensors)
      weights.set(name, await loadTensor(checkpoint, graph, backend, prefix, name, spec, signal));
  } catch (error) {
    freeWeights(backend, weights);
    throw error;
  }
  return weights;
}

/**
 * The tensor `name` of a block (`prefix`), or of those outside of blocks: in f32, but for a matrix of which `forms` says
 * otherwise. Where this fails, `backend` may keep a part of the memory.
 */
export async function loadTensor(
  checkpoint: Checkpoint,
  graph: Graph,
  backend: Backend,
  prefix: string,
  name: string,
  spec: TensorSpec,
  signal?: AbortSignal,
  forms?: Forms,
): Promise<Matrix> {
  if (forms && spec.shape.length === 2) {
    const source = await sourceOf(checkpoint, graph, prefix + name, spec, forms.scratch, signal);
    return loadMatrix(backend, source, forms.choose(name, source.dtype), forms.scratch);
  }
  const values = await read(checkpoint, graph, prefix + name, spec, signal);
  const tensor = backend.allocate('f32', spec.shape);
  backend.write(tensor, values);
  return tensor;
}

/** A matrix of the graph, row by row or by its mask where the checkpoint has it so. */
async function sourceOf(
  checkpoint: Checkpoint,
  graph: Graph,
  name: string,
  spec: TensorSpec,
  scratch: Scratch,
  signal?: AbortSignal,
): Promise<MatrixSource> {
  const stored = storedName(checkpoint, graph, name);
  if (!spec.layout && checkpoint.hasRows(stored)) return storedRows(checkpoint, stored, spec.shape, scratch, signal);
  if (!spec.layout && checkpoint.hasMask(stored)) return maskedRows(checkpoint, stored, spec.shape, scratch, signal);
  const [rows, columns] = spec.shape;
  const { dtype } = checkpoint.info(stored);
  return { rows, columns, dtype, inParts: false, read: () => read(checkpoint, graph, name, spec, signal) };
}
