// The one interface every device implements. Operations are enqueued in order and return nothing; only `read` is
// awaited, so model code has no await inside a forward pass and a recording device (a GPU) fits behind it unchanged.
// Shapes in comments: T tokens, rows × columns of a weight matrix as Hugging Face stores it ([out, in], row-major).

import type { ArrayOf, DType } from '../tensor/dtype.js';
import type { Tensor } from '../tensor/tensor.js';

/** Where the tokens of an attention call stand. Sequences of equal length lie one after another in the rows. */
export interface AttentionShape {
  heads: number;
  /** Heads of keys and values; query head h reads key head ⌊h·kvHeads/heads⌋. */
  kvHeads: number;
  headDim: number;
  sequences: number;
  /** Query rows of each sequence. */
  queries: number;
  /** Key rows of each sequence; query i sees keys 0 … keys − queries + i. */
  keys: number;
  /** Factor on query·key, usually 1/√headDim. */
  scale: number;
}

/** Where rotary embedding finds the position of a row: row r stands at `start` + r mod `period`. */
export interface RopeShape {
  heads: number;
  headDim: number;
  start: number;
  period: number;
}

/**
 * Which weights of a matrix a mask removes, always exact and equal to a stable sort of the scores:
 * - `row`: the `prune` smallest scores of every row; of equal scores the lower column goes first;
 * - `rows`: row r keeps its `keep[r]` largest; of equal scores the lower column stays;
 * - `layer`: everything ≤ the `rank`-th smallest score (0-based) of the whole matrix;
 * - `n:m`: the n smallest of every m consecutive columns; of equal scores the lower column goes first.
 */
export type Selection =
  | { kind: 'row'; prune: number }
  | { kind: 'rows'; keep: Tensor<'i32'> }
  | { kind: 'layer'; rank: number }
  | { kind: 'n:m'; n: number; m: number };

/** What the run record says about the device. */
export interface BackendInfo {
  backend: string;
  /** Kernel build in use; plain gives the same bits on every machine. */
  simd: 'plain' | 'relaxed';
  threads: number;
}

export interface Backend {
  readonly info: BackendInfo;

  // Memory. -----------------------------------------------------------------------------------------------------------
  /** New storage of the given shape; its content is undefined. */
  allocate<D extends DType>(dtype: D, shape: readonly number[]): Tensor<D>;
  /** Gives the storage of `tensor` back; it and every view of it are dead. */
  free(tensor: Tensor): void;
  write<D extends DType>(tensor: Tensor<D>, values: ArrayOf[D]): void;
  /** The content of `tensor` after all operations enqueued so far. */
  read<D extends DType>(tensor: Tensor<D>): Promise<ArrayOf[D]>;
  fill(tensor: Tensor, value: number): void;

  // Layers. -----------------------------------------------------------------------------------------------------------
  /** y[T, rows] = x[T, columns] · W[rows, columns]ᵀ (+ bias[rows]). */
  linear(y: Tensor<'f32'>, x: Tensor<'f32'>, weight: Tensor<'f32'>, bias: Tensor<'f32'> | null): void;
  /** y[T, n] = table[ids[T], n]. Ids are trusted: check them against the vocabulary first. */
  embed(y: Tensor<'f32'>, ids: Tensor<'i32'>, table: Tensor<'f32'>): void;
  /** y[T, n] = x / √(mean(x²) + eps) · weight[n]; y may be x. */
  rmsNorm(y: Tensor<'f32'>, x: Tensor<'f32'>, weight: Tensor<'f32'>, eps: number): void;
  /** Rotates the halves of each head of x[T, heads·headDim] in place; cos and sin are [positions, headDim/2]. */
  rope(x: Tensor<'f32'>, cos: Tensor<'f32'>, sin: Tensor<'f32'>, shape: RopeShape): void;
  /** Causal attention. y and q: [sequences·queries, heads·headDim]; k and v: [sequences·keys, kvHeads·headDim]. */
  attention(y: Tensor<'f32'>, q: Tensor<'f32'>, k: Tensor<'f32'>, v: Tensor<'f32'>, shape: AttentionShape): void;
  /** y = silu(gate) · up, elementwise; y may be gate or up. */
  siluGate(y: Tensor<'f32'>, gate: Tensor<'f32'>, up: Tensor<'f32'>): void;
  /** y = a + b, elementwise; y may be a or b. */
  add(y: Tensor<'f32'>, a: Tensor<'f32'>, b: Tensor<'f32'>): void;

  // Measures. ---------------------------------------------------------------------------------------------------------
  /** sums[n] += Σ over the rows of x[T, n] of x², in f64. */
  addColumnSquares(sums: Tensor<'f64'>, x: Tensor<'f32'>): void;
  /** gram[n, n] += x[T, n]ᵀ·x. */
  addGram(gram: Tensor<'f32'>, x: Tensor<'f32'>): void;
  /** out[T] = log softmax(logits[T, V])[targets[T]], NaN for logits that are not finite. Targets are trusted, as ids are. */
  logProbabilities(out: Tensor<'f32'>, logits: Tensor<'f32'>, targets: Tensor<'i32'>): void;

  // Pruning. ----------------------------------------------------------------------------------------------------------
  /**
   * out[rows, columns] = W with the entries that `selection` removes set to 0. The score of an entry is |W| times
   * its column's scale (≥ 0; all 1 when null); `out` may be W. Scores must be finite.
   */
  mask(out: Tensor<'f32'>, weight: Tensor<'f32'>, columnScale: Tensor<'f32'> | null, selection: Selection): void;

  /** Stops the threads and drops all memory; the backend is dead. */
  dispose(): Promise<void>;
}
