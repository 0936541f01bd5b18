// What a model family tells the rest: its linear layers, the shapes of its tensors, and its forward pass in three
// parts (embed, block, logits) that a run, a perplexity or a pruning stream can put together as they need.

import type { Backend, KeyTensor } from '../backend/backend.js';
import type { ConfigReader } from '../checkpoint/config.js';
import type { Matrix } from '../tensor/sparse-matrix.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Layout } from './layout.js';
import type { Workspace } from './workspace.js';

/** A linear layer of a block: W[rows, columns]. */
export interface Linear {
  /** Name inside the block, without ".weight": `self_attn.q_proj`. */
  name: string;
  rows: number;
  columns: number;
  /** Whether it has a bias [rows]. */
  bias: boolean;
  /** How the checkpoint holds weight and bias, where that is not as they are. */
  layout?: Layout | undefined;
}

/** A linear layer with what pruning must know of it. */
export interface LinearLayer extends Linear {
  /** Whether its input is what a relu made, most of which is 0. */
  relu: boolean;
  /** Name of its input; layers that read the same activations (q, k, v) share it. */
  input: string;
  /**
   * The input that the rows of this layer produce, whose change drives the NeuroAL row step (algorithms page §6);
   * null where the row step keeps one sparsity for all rows.
   */
  feeds: string | null;
  /** Layers fused into it that feed that input, equally long and one after another in the rows; 1 where `feeds` is null. */
  parts: number;
  /** Which half of the block it belongs to. */
  half: 'attention' | 'mlp';
  /**
   * Factor with which its output joins the residual stream, so that it can mend what the blocks before did to it (§13);
   * null where it does not, or where a norm or the other half of a parallel block stands between.
   */
  joins: number | null;
}

/** What every family's config says, in the words of config.json. */
export interface ModelConfig {
  model_type: string;
  vocab_size: number;
  hidden_size: number;
  num_hidden_layers: number;
  /** Width of the keys (and values) that one token leaves in the cache of one block. */
  key_width: number;
  max_position_embeddings: number;
  /** Most tokens of one sequence; Infinity where the positions stretch with it. */
  longest_sequence: number;
}

/**
 * Tensors by their name inside the block, or inside the model for those outside blocks. In a model loaded to run matrices may
 * be of 16 bits, and the weights of linear layers sparse.
 */
export type Weights = ReadonlyMap<string, Matrix>;

/** A tensor as the graph uses it, and how the checkpoint holds it where that differs. */
export interface TensorSpec {
  shape: readonly number[];
  layout?: Layout | undefined;
}

/** Tensors by name, as Weights. */
export type TensorSpecs = ReadonlyMap<string, TensorSpec>;

/** Keys and values of one block, each [capacity, key_width]. */
export interface BlockCache {
  keys: KeyTensor;
  values: KeyTensor;
}

/**
 * Rows [from, to) of a pass that holds sequences of several lengths: they stand at the positions from `start` on and see,
 * besides each other, the `start` rows from `base` on. Behind these lie the rows of a span that is not shorter and came before.
 */
export interface Span {
  from: number;
  to: number;
  start: number;
  base: number;
}

/** What one forward pass shares between its blocks: `sequences` of `queries` tokens each, one after another in the rows. */
export interface Pass {
  backend: Backend;
  workspace: Workspace;
  /** Position tables made by `positions`. */
  tables: Weights;
  sequences: number;
  queries: number;
  /** Position of the first query of each sequence. */
  start: number;
  /** All rows, where they are no sequences of one length: these then say where each stands, and there is no cache. */
  spans?: readonly Span[] | undefined;
  /**
   * Called with the input of every linear layer, once for each name of an input, and with the residual stream that the
   * output of its layers joins, where there is one.
   */
  observe?: ((input: string, x: Tensor<'f32'>, residual: Tensor<'f32'> | null) => void) | undefined;
  /** Name of an input after whose observation a block ends; what it would write is then undefined. */
  until?: string | undefined;
}

export interface Graph {
  readonly config: ModelConfig;
  /** Of one block, in the order in which pruning goes through them. */
  readonly linears: readonly LinearLayer[];
  /** What the names of the base model's tensors begin with (`model.`), which a checkpoint may leave out. */
  readonly basePrefix: string;
  /** Prefix of the tensors of block b, `model.layers.b.`. */
  prefix(block: number): string;
  readonly blockTensors: TensorSpecs;
  readonly outerTensors: TensorSpecs;
  /** Under which other name a checkpoint may hold an outer tensor: tied embeddings are stored once, under either. */
  readonly aliases: ReadonlyMap<string, string>;

  /** Tables of `rows` positions, as a sequence of `length` tokens has them. */
  positions(backend: Backend, rows: number, length: number): Weights;
  /** Sequences of two lengths with the same text here have the same tables, as far as both go. */
  positionsOf(length: number): string;
  /** x[T, hidden_size] = embeddings of ids[T]. */
  embed(pass: Pass, outer: Weights, ids: Tensor<'i32'>, x: Tensor<'f32'>): void;
  /**
   * y[T, hidden_size] = block `block` of x; y may be x. With y = null only what the observer sees is computed. With a
   * cache, its rows from `start` are written and all rows up to them attended to (one sequence).
   */
  block(
    pass: Pass,
    block: number,
    weights: Weights,
    x: Tensor<'f32'>,
    y: Tensor<'f32'> | null,
    cache?: BlockCache,
  ): void;
  /** logits[T, vocab_size] from the output of the last block. */
  logits(pass: Pass, outer: Weights, logits: Tensor<'f32'>, x: Tensor<'f32'>): void;
}

/** A family: the model_type it answers to, and the graph that one config.json describes. */
export interface Family {
  modelType: string;
  graph(config: ConfigReader): Graph;
}
