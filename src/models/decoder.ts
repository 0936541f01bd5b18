// A decoder out of parts. All families are this one forward pass; a family is its description: which layers there are,
// where it normalises, how positions come in. What no family varies is not in the description.

import type { Backend } from '../backend/backend.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Attention, attend, attentionTensors } from './attention.js';
import type {
  BlockCache,
  Graph,
  Linear,
  LinearLayer,
  ModelConfig,
  Pass,
  TensorSpec,
  TensorSpecs,
  Weights,
} from './graph.js';
import { type Projection, project, whole } from './linear.js';
import { expand, type Mlp } from './mlp.js';
import { type Norm, normalise, normTensors } from './norms.js';
import { type Rope, ropeTables } from './rope.js';
import { matrixOf, tableOf, tensorOf } from './weights.js';

/** Norms of a block, by their place; a family has some of them. */
export interface BlockNorms {
  /** Of the input of attention. */
  beforeAttention?: Norm;
  /** Of the output of attention, before it joins the residual stream. */
  afterAttention?: Norm;
  /** Of the residual stream, after attention has joined it. */
  attentionSum?: Norm;
  /** Of the input of the MLP. A parallel block without one gives its MLP what attention gets. */
  beforeMlp?: Norm;
  /** Of the output of the MLP, before it joins the residual stream. */
  afterMlp?: Norm;
  /** Of the residual stream, after the MLP has joined it. */
  mlpSum?: Norm;
}

export interface Embedding {
  /** Name of the table [vocab_size, width], with ".weight". */
  table: string;
  /** Columns of the table; where they are not hidden_size, `projectIn` brings them there. */
  width: number;
  /** Name of a linear layer [hidden_size, width]. */
  projectIn?: string;
  /** Factor on the embeddings. */
  scale?: number;
  /** Learned positions: a table of `rows` vectors, position p having row p + offset. */
  positions?: { table: string; rows: number; offset: number };
}

export interface Head {
  norm: Norm | null;
  /** Name of a linear layer [embedding width, hidden_size] before the head. */
  projectOut?: string;
  /** Name of the layer [vocab_size, embedding width], without ".weight". */
  name: string;
  /** Another name that checkpoints have for it. */
  alias?: string;
  bias: boolean;
  /** Whether its weight is the embedding table. */
  tied: boolean;
  /** Factor on the logits. */
  scale?: number;
  /** Logits l become cap·tanh(l / cap). */
  softcap?: number | null;
}

/** A family's description of one model. */
export interface DecoderDescription {
  config: Omit<ModelConfig, 'longest_sequence'>;
  basePrefix: string;
  /** What the tensors of block b begin with, up to the number: `model.layers.`. */
  layers: string;
  embedding: Embedding;
  attention: Attention;
  mlp: Mlp;
  norms: BlockNorms;
  /** Attention and MLP both read the block's input and both are added to it. */
  parallel?: boolean;
  /** Factor on what attention and MLP add to the residual stream. */
  residualScale?: number;
  /** Rotary positions by the name that `attention.rope` gives. */
  ropes?: ReadonlyMap<string, Rope>;
  head: Head;
}

export class Decoder implements Graph {
  readonly config: ModelConfig;
  readonly basePrefix: string;
  readonly linears: readonly LinearLayer[];
  readonly blockTensors: TensorSpecs;
  readonly outerTensors: TensorSpecs;
  readonly aliases: ReadonlyMap<string, string>;
  readonly #attentionOutput: Projection;
  readonly #mlpOutput: Projection;
  /** Whether the MLP reads what attention reads. */
  readonly #oneInput: boolean;

  constructor(readonly description: DecoderDescription) {
    const { config, basePrefix, attention, mlp, norms, parallel = false, head, embedding } = description;
    const limits = [...(description.ropes?.values() ?? [])].map((rope) => rope.longest);
    this.config = { ...config, longest_sequence: limits.length ? Math.min(...limits) : config.max_position_embeddings };
    this.basePrefix = basePrefix;
    this.#attentionOutput = whole(attention.output);
    this.#mlpOutput = whole(mlp.output);
    this.#oneInput = parallel && !norms.beforeMlp;
    this.linears = linearLayers(description, (this.#oneInput ? attention : mlp).inputs[0].name);
    this.blockTensors = new Map([
      ...Object.values(norms).flatMap((norm: Norm | undefined) => (norm ? normTensors(norm) : [])),
      ...attentionTensors(attention),
      ...this.linears.flatMap(linearTensors),
    ]);
    this.outerTensors = new Map([...embeddingTensors(embedding, config), ...headTensors(head, embedding, config)]);
    this.aliases = new Map([
      ...(head.tied ? [[embedding.table, `${head.name}.weight`] as const] : []),
      ...(head.alias === undefined ? [] : [[`${head.name}.weight`, `${head.alias}.weight`] as const]),
    ]);
  }

  prefix(block: number): string {
    return `${this.description.layers}${block}.`;
  }

  positions(backend: Backend, rows: number, length: number): Weights {
    const tables = new Map<string, Tensor<'f32'>>();
    for (const [name, rope] of this.description.ropes ?? []) ropeTables(backend, name, rope, rows, length, tables);
    return tables;
  }

  positionsOf(length: number): string {
    const ropes = [...(this.description.ropes?.values() ?? [])];
    return ropes.map((rope) => rope.regime(length)).join();
  }

  embed(pass: Pass, outer: Weights, ids: Tensor<'i32'>, x: Tensor<'f32'>): void {
    const { backend, workspace } = pass;
    const { table, width, projectIn, scale, positions } = this.description.embedding;
    const embedded = projectIn === undefined ? x : workspace.take('embedded', 'f32', [ids.size, width]);
    backend.embed(embedded, ids, tableOf(outer, table));
    if (projectIn !== undefined) backend.linear(x, embedded, matrixOf(outer, `${projectIn}.weight`), null);
    if (scale !== undefined) backend.scale(x, x, scale);
    if (!positions) return;
    const rows = workspace.take('positions', 'i32', [ids.size]);
    backend.write(
      rows,
      positionsOf(pass, ids.size).map((position) => positions.offset + position),
    );
    const added = workspace.take('normed', 'f32', [ids.size, this.config.hidden_size]);
    backend.embed(added, rows, tableOf(outer, positions.table));
    backend.add(x, x, added);
  }

  block(
    pass: Pass,
    block: number,
    weights: Weights,
    x: Tensor<'f32'>,
    y: Tensor<'f32'> | null,
    cache?: BlockCache,
  ): void {
    const { attention, mlp, norms, parallel = false, residualScale = 1 } = this.description;
    const { backend, workspace } = pass;
    /** Shows an input to the observer; true where the pass ends with it. */
    const isLast = (input: string, seen: Tensor<'f32'>, stream: Tensor<'f32'> | null = null): boolean => {
      pass.observe?.(input, seen, stream);
      return pass.until === input;
    };
    const take = (name: string) => workspace.take(name, 'f32', [x.rowCount, this.config.hidden_size]);
    const normed = (norm: Norm | undefined, from: Tensor<'f32'>, to: Tensor<'f32'>) => {
      if (!norm) return from;
      normalise(pass, weights, norm, from, to);
      return to;
    };
    const [scratch, joined, residual] = [take('normed'), take('joined'), take('residual')];

    const toAttention = normed(norms.beforeAttention, x, scratch);
    if (isLast(attention.inputs[0].name, toAttention)) return;
    const mixed = attend(pass, block, attention, weights, toAttention, cache);
    if (isLast(attention.output.name, mixed, parallel ? null : x)) return;
    project(pass, weights, this.#attentionOutput, mixed, joined);
    backend.add(residual, x, normed(norms.afterAttention, joined, joined), residualScale);
    normed(norms.attentionSum, residual, residual);

    const toMlp = this.#oneInput ? toAttention : normed(norms.beforeMlp, parallel ? x : residual, scratch);
    if (!this.#oneInput && isLast(mlp.inputs[0].name, toMlp)) return;
    const hidden = expand(pass, mlp, weights, toMlp);
    if (isLast(mlp.output.name, hidden, parallel ? x : residual) || !y) return;
    project(pass, weights, this.#mlpOutput, hidden, joined);
    backend.add(y, residual, normed(norms.afterMlp, joined, joined), residualScale);
    normed(norms.mlpSum, y, y);
  }

  logits(pass: Pass, outer: Weights, logits: Tensor<'f32'>, x: Tensor<'f32'>): void {
    const { head, embedding } = this.description;
    const { backend, workspace } = pass;
    let last = x;
    if (head.norm) {
      last = workspace.take('normed', 'f32', [x.rowCount, this.config.hidden_size]);
      normalise(pass, outer, head.norm, x, last);
    }
    if (head.projectOut !== undefined) {
      const narrow = workspace.take('embedded', 'f32', [x.rowCount, embedding.width]);
      backend.linear(narrow, last, matrixOf(outer, `${head.projectOut}.weight`), null);
      last = narrow;
    }
    const weight = matrixOf(outer, head.tied ? embedding.table : `${head.name}.weight`);
    backend.linear(logits, last, weight, head.bias ? tensorOf(outer, `${head.name}.bias`) : null);
    if (head.scale !== undefined) backend.scale(logits, logits, head.scale);
    if (head.softcap) backend.softcap(logits, logits, head.softcap);
  }
}

/** The position of each row of a pass. */
function positionsOf({ spans, start, queries }: Pass, rows: number): Int32Array {
  if (!spans) return Int32Array.from({ length: rows }, (_, t) => start + (t % queries));
  const positions = new Int32Array(rows);
  for (const span of spans) for (let t = span.from; t < span.to; t++) positions[t] = span.start + t - span.from;
  return positions;
}

/** The layers of a block in the order in which they are pruned, each with what it reads and what it feeds (§6). */
function linearLayers(
  { attention, mlp, norms, parallel = false, residualScale = 1 }: DecoderDescription,
  mlpInput: string,
): LinearLayer[] {
  const layers = (linears: readonly Linear[], input: string, feeds: string | null, made: Projection[]): LinearLayer[] =>
    linears.map((linear) => {
      const parts = made.filter(({ layer }) => layer === linear.name).length;
      const half = mlp.output === linear || mlp.inputs.includes(linear) ? 'mlp' : 'attention';
      const relu = linear === mlp.output && mlp.activation === 'relu';
      return { ...linear, relu, input, feeds, parts: feeds === null ? 1 : parts, half, joins: joins(linear) };
    });
  const joins = (linear: Linear): number | null => {
    if (linear === attention.output && !parallel && !norms.afterAttention && !norms.attentionSum) return residualScale;
    if (linear === mlp.output && !norms.afterMlp && !norms.mlpSum) return residualScale;
    return null;
  };
  const { query, key, value } = attention;
  const { output: toResidual } = attention;
  // With grouped heads a row of k or v serves several heads: q, k and v then keep one sparsity for all rows.
  const grouped = attention.heads !== attention.kvHeads;
  return [
    ...layers(attention.inputs, attention.inputs[0].name, grouped ? null : toResidual.name, [query, key, value]),
    // In a parallel block the MLP reads the same in both passes, and so does the next block's first layer in any: their
    // differences are exactly 0.
    ...layers([toResidual], toResidual.name, parallel ? null : mlpInput, [whole(toResidual)]),
    ...layers(mlp.inputs, mlpInput, mlp.output.name, mlp.gate ? [mlp.gate, mlp.up] : [mlp.up]),
    ...layers([mlp.output], mlp.output.name, null, [whole(mlp.output)]),
  ];
}

function linearTensors({ name, rows, columns, bias, layout }: Linear): [string, TensorSpec][] {
  const weight: [string, TensorSpec] = [`${name}.weight`, { shape: [rows, columns], layout }];
  return bias ? [weight, [`${name}.bias`, { shape: [rows], layout }]] : [weight];
}

function embeddingTensors(
  { table, width, projectIn, positions }: Embedding,
  { vocab_size, hidden_size }: Omit<ModelConfig, 'longest_sequence'>,
): [string, TensorSpec][] {
  const tensors: [string, TensorSpec][] = [[table, { shape: [vocab_size, width] }]];
  if (projectIn !== undefined) tensors.push([`${projectIn}.weight`, { shape: [hidden_size, width] }]);
  if (positions) tensors.push([positions.table, { shape: [positions.rows, hidden_size] }]);
  return tensors;
}

function headTensors(
  { norm, projectOut, name, bias, tied }: Head,
  { width }: Embedding,
  { vocab_size, hidden_size }: Omit<ModelConfig, 'longest_sequence'>,
): [string, TensorSpec][] {
  const tensors = norm ? normTensors(norm) : [];
  if (projectOut !== undefined) tensors.push([`${projectOut}.weight`, { shape: [width, hidden_size] }]);
  if (!tied) tensors.push([`${name}.weight`, { shape: [vocab_size, width] }]);
  if (bias) tensors.push([`${name}.bias`, { shape: [vocab_size] }]);
  return tensors;
}
