// The one interface every device implements. Operations are enqueued in order and return nothing; only `read` and
// `invert` are awaited, so model code has no await inside a forward pass and a recording device (a GPU) fits behind it
// unchanged.
// Shapes in comments: T tokens, rows × columns of a weight matrix as Hugging Face stores it ([out, in], row-major).

import type { Bitmask } from '../tensor/bitmask.js';
import type { ColumnMatrix } from '../tensor/column-matrix.js';
import type { ArrayOf, DType } from '../tensor/dtype.js';
import type { Int8Matrix } from '../tensor/int8-matrix.js';
import type { Matrix, SparseMatrix, SparseValues, Table } from '../tensor/sparse-matrix.js';
import type { Tensor } from '../tensor/tensor.js';

/** The names of the devices that compute. */
export const BACKENDS = ['wasm', 'webgpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** Where the tokens of an attention call stand. Sequences of equal length lie one after another in the rows. */
export interface AttentionShape {
  heads: number;
  /** Heads of keys and values; query head h reads key head ⌊h·kvHeads/heads⌋. */
  kvHeads: number;
  headDim: number;
  sequences: number;
  /** Query rows of each sequence. */
  queries: number;
  /** Key rows of each sequence; query i stands at position p = keys − queries + i and sees keys up to p. */
  keys: number;
  /** Factor on query·key, usually 1/√headDim; > 0. */
  scale: number;
  /** A query at position p sees only keys j > p − window; null: all up to p. */
  window: number | null;
  /** Scores, after `scale`, become softcap·tanh(score / softcap); null: they stay. */
  softcap: number | null;
}

/** What keys and values of attention are kept as, the exact one first. */
export const KEY_DTYPES = ['f32', 'bf16'] as const;
export type KeyDType = (typeof KEY_DTYPES)[number];
/** Keys, or values. */
export type KeyTensor = Tensor<KeyDType>;

/** What of a row rotary embedding turns, and the position of the row: row r stands at `start` + r mod `period`. */
export interface RopeShape {
  heads: number;
  headDim: number;
  /** Dimensions of a head that turn, the first ones; even. */
  rotaryDim: number;
  start: number;
  period: number;
}

/** The activation functions, in the order in which kernels number them; `gelu` is that of erf. */
export const ACTIVATIONS = ['silu', 'relu', 'gelu', 'gelu_tanh', 'quick_gelu'] as const;

/**
 * An activation function: silu x/(1 + e⁻ˣ); relu max(x, 0); gelu x·(1 + erf(x/√2))/2; gelu_tanh
 * x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2; quick_gelu x/(1 + e^(−1.702·x)).
 */
export type Activation = (typeof ACTIVATIONS)[number];

/**
 * What a mask ranks by: the score of entry (r, c) is |of[r, c]| · row[r] · column[c], in f32, the two factors multiplied
 * first where there are both. Scores must be finite.
 */
export interface Scores {
  /** [rows, columns]; null: the weight itself. */
  of: Tensor<'f32'> | null;
  /** A factor ≥ 0 for each column; null: 1. */
  column: Tensor<'f32'> | null;
  /** A factor ≥ 0 for each row; null: 1. */
  row: Tensor<'f32'> | null;
}

/** Which of equal scores go first, where each row keeps a number of its own. */
export const TIES = ['keep-lower', 'prune-lower'] as const;

/**
 * Which entries of a matrix a mask removes, always exact and equal to a stable sort of the scores:
 * - `row`: the `prune` smallest scores of every row; of equal scores the lower column goes first;
 * - `rows`: row r keeps its `keep[r]` largest; of equal scores the lower column stays, or goes first, as `ties` says;
 * - `layer`: everything ≤ the `rank`-th smallest score (0-based) of the whole matrix;
 * - `count`: the `prune` smallest of the whole matrix; of equal scores the lower row, then the lower column goes first;
 * - `n:m`: the n smallest of every m consecutive columns; of equal scores the lower column goes first.
 */
export type Selection =
  | { kind: 'row'; prune: number }
  | { kind: 'rows'; keep: Tensor<'i32'>; ties: (typeof TIES)[number] }
  | { kind: 'layer'; rank: number }
  | { kind: 'count'; prune: number }
  | { kind: 'n:m'; n: number; m: number };

/** What `invert` makes of an inverse: the matrix itself, or its upper triangular Cholesky factor U, UᵀU = inverse. */
export const INVERSE_FORMS = ['whole', 'factor'] as const;
export type InverseForm = (typeof INVERSE_FORMS)[number];

/**
 * Which weights of a block of columns SparseGPT removes, by the smallest w²/U_cc², in f32:
 * - `layer`: everything ≤ the `rank`-th smallest score (0-based) of the whole block, before any column is eliminated;
 * - `count`: of the same scores the `prune` smallest, exactly; of equal ones those that come first, row by row;
 * - `n:m`: the n smallest of every m consecutive columns of a row, with the weights as they are when the first of them is
 *   reached; of equal scores the lower column goes first.
 */
export type BlockSelection =
  | { kind: 'layer'; rank: number }
  | { kind: 'count'; prune: number }
  | { kind: 'n:m'; n: number; m: number };

/** What `compressMasked` is given for some rows: numbers, patterns of bf16, or whole numbers. */
export type ValuesOfRows<V extends SparseValues> = (
  first: number,
  end: number,
) => { f32: Float32Array; bf16: Uint16Array; int8: Int8Array }[V];

/** What the run record says about the device. */
export interface BackendInfo {
  backend: string;
  /** Kernel build in use; plain gives the same bits on every machine. */
  simd: 'plain' | 'relaxed';
  threads: number;
  /** What a GPU calls itself. */
  adapter?: string;
}

/** One of several layers that read the same input. */
export interface LayerOf<M extends Matrix> {
  y: Tensor<'f32'>;
  weight: M;
  bias: Tensor<'f32'> | null;
}

export interface Backend {
  readonly info: BackendInfo;

  // Memory. -----------------------------------------------------------------------------------------------------------
  /** New storage of the given shape; its content is undefined. */
  allocate<D extends DType>(dtype: D, shape: readonly number[]): Tensor<D>;
  /** Gives the storage of `tensor` back; it and every view of it are dead. */
  free(tensor: Tensor | Int8Matrix | SparseMatrix | ColumnMatrix): void;
  write<D extends DType>(tensor: Tensor<D>, values: ArrayOf[D]): void;
  /**
   * Of a CPU: writes the patterns of f16 that a checkpoint has for a matrix, and returns how many are of 0; null where 1024
   * times a number is too large for f16, or it is none, and `out` then holds nothing of use. The same as `liftF16` and
   * `countZeros` of tensor/, which the engine has yet to compile when a model is loaded.
   */
  writeF16?(out: Tensor<'f16'>, stored: Uint16Array): number | null;
  /** The content of `tensor` after all operations enqueued so far. */
  read<D extends DType>(tensor: Tensor<D>): Promise<ArrayOf[D]>;
  fill(tensor: Tensor, value: number): void;

  // Layers. -----------------------------------------------------------------------------------------------------------
  /**
   * y[T, rows] = x[T, columns] · W[rows, columns]ᵀ (+ bias[rows]). A W of bf16 or f16 gives the bits that the same numbers
   * in f32 give; a sparse one may leave out the products with its zeros, and may not: x is finite. One by
   * columns leaves out the products with zeros of x: the weight is finite. One of int8 meets tokens of
   * int16: with a = max|x| of the token, column c is x_c / a · 32767 in f32, rounded to nearest, half to even, times a / 32767;
   * sums are exact over 512 columns at least. A sparse one of int8 meets x as it is.
   */
  linear(y: Tensor<'f32'>, x: Tensor<'f32'>, weight: Matrix, bias: Tensor<'f32'> | null): void;
  /**
   * `linear` of each of several layers that read the same x; what they need made of x may be made once for all. No y overlaps
   * what another layer reads or writes.
   */
  linears(x: Tensor<'f32'>, layers: readonly LayerOf<Matrix>[]): void;
  /**
   * The weights of a matrix that are not 0 (nor −0); free it when done. They are kept as they are or rounded to bf16, half to
   * even; or as int8: divided by scale[rows], which is given for those only, and rounded in the same way. The quotients must
   * lie within ±127; the scale belongs to the matrix from then on, and is freed with it.
   */
  compress(weight: Tensor<'f32'>, values: SparseValues, scale?: Tensor<'f32'>): SparseMatrix;
  /**
   * The same of a mask and the values behind it, as files have them, without the dense matrix: what `compress` makes of that, to
   * the bit. The mask is trusted, and so are the values: finite, and none of them 0.
   * @param values `f32` and `bf16` are kept as they come, `int8` is whole numbers of which scale[rows] is the unit
   * @param valuesOf those of the rows [first, end), which begin with a multiple of 4; asked for once, from the first rows to
   *   the last ones, and no longer needed when the next are
   */
  compressMasked<V extends SparseValues>(
    mask: Bitmask,
    values: V,
    valuesOf: ValuesOfRows<V>,
    scale?: Tensor<'f32'>,
  ): SparseMatrix;
  /** y[T, n] = table[ids[T], n]. Ids are trusted: check them against the vocabulary first. */
  embed(y: Tensor<'f32'>, ids: Tensor<'i32'>, table: Table): void;
  /** y[T, n] = x / √(mean(x²) + eps) · weight[n], without a weight when null; y may be x. */
  rmsNorm(y: Tensor<'f32'>, x: Tensor<'f32'>, weight: Tensor<'f32'> | null, eps: number): void;
  /** y[T, n] = (x − mean) / √(variance + eps) · weight[n] + bias[n], without those that are null; y may be x. */
  layerNorm(
    y: Tensor<'f32'>,
    x: Tensor<'f32'>,
    weight: Tensor<'f32'> | null,
    bias: Tensor<'f32'> | null,
    eps: number,
  ): void;
  /**
   * Turns the first rotaryDim dimensions of each head of x[T, heads·headDim] in place, dimension i together with
   * i + rotaryDim/2, and leaves the others; cos and sin are [positions, rotaryDim/2].
   */
  rope(x: Tensor<'f32'>, cos: Tensor<'f32'>, sin: Tensor<'f32'>, shape: RopeShape): void;
  /**
   * Causal attention. y and q: [sequences·queries, heads·headDim]; k and v, both of one dtype: [sequences·keys,
   * kvHeads·headDim].
   */
  attention(y: Tensor<'f32'>, q: Tensor<'f32'>, k: KeyTensor, v: KeyTensor, shape: AttentionShape): void;
  /** y = kind(x), elementwise; y may be x. */
  activate(y: Tensor<'f32'>, x: Tensor<'f32'>, kind: Activation): void;
  /** y = kind(gate) · up, elementwise; y may be gate or up. */
  gate(y: Tensor<'f32'>, gate: Tensor<'f32'>, up: Tensor<'f32'>, kind: Activation): void;
  /** y = a + factor · b, elementwise, with the factor 1 when none is given; y may be a or b. */
  add(y: Tensor<'f32'>, a: Tensor<'f32'>, b: Tensor<'f32'>, factor?: number): void;
  /** y = factor · x, elementwise; y may be x. */
  scale(y: Tensor<'f32'>, x: Tensor<'f32'>, factor: number): void;
  /** y = x, elementwise, each rounded to the nearest bf16, of two the even one; what is too large becomes infinite. */
  narrow(y: Tensor<'bf16'>, x: Tensor<'f32'>): void;
  /** y = cap · tanh(x / cap), elementwise, with cap > 0; y may be x. */
  softcap(y: Tensor<'f32'>, x: Tensor<'f32'>, cap: number): void;

  // Measures. ---------------------------------------------------------------------------------------------------------
  /** sums[n] += Σ over the rows of x[T, n] of x², in f64. */
  addColumnSquares(sums: Tensor<'f64'>, x: Tensor<'f32'>): void;
  /** sums[n] += Σ over the rows of x[T, n] of x, in f64. */
  addColumnSums(sums: Tensor<'f64'>, x: Tensor<'f32'>): void;
  /**
   * gram[n, n] += x[T, n]ᵀ·x, as f64 sums of f32 sums over some tokens; what is added to an entry and to its mirror image
   * has the same bits.
   */
  addGram(gram: Tensor<'f64'>, x: Tensor<'f32'>): void;
  /** out[m, n] += a[T, m]ᵀ·b[T, n], summed in the same way. */
  addCross(out: Tensor<'f64'>, a: Tensor<'f32'>, b: Tensor<'f32'>): void;
  /** out[T] = log softmax(logits[T, V])[targets[T]], NaN for logits that are not finite. Targets are trusted, as ids are. */
  logProbabilities(out: Tensor<'f32'>, logits: Tensor<'f32'>, targets: Tensor<'i32'>): void;

  // Pruning. ----------------------------------------------------------------------------------------------------------
  /**
   * out[rows, columns] = weight with the entries that `selection` removes by their `scores` set to 0; out may be weight
   * or scores.of. Where weight is all ones and scores.of another matrix, out is the pattern of what remains of that.
   */
  mask(out: Tensor<'f32'>, weight: Tensor<'f32'>, scores: Scores, selection: Selection): void;

  /** scores = x + u, elementwise and in f32: what ADMM ranks its weights by (§13 of the algorithms page). */
  admmScores(scores: Tensor<'f32'>, x: Tensor<'f64'>, u: Tensor<'f64'>): void;

  /**
   * A step of ADMM on a fixed pattern, up to its product with the inverse (§13 of the algorithms page). With s = x + u, and
   * z = s where kept ≠ 0 and 0 elsewhere: u becomes s − z, and right becomes b + rho·(z − u). All of one size; rho > 0.
   */
  admmStep(
    right: Tensor<'f64'>,
    u: Tensor<'f64'>,
    x: Tensor<'f64'>,
    b: Tensor<'f64'>,
    kept: Tensor<'f32'>,
    rho: number,
  ): void;

  // Linear algebra. ---------------------------------------------------------------------------------------------------
  /** y[m, rows] = x[m, n] · matrix[rows, n]ᵀ, in f64. */
  multiply(y: Tensor<'f64'>, x: Tensor<'f64'>, matrix: Tensor<'f64'>): void;

  /**
   * out[n, n] = (matrix[n, n] + ridge·I)⁻¹ or, as a 'factor', the upper triangular U with UᵀU = that and zeros below its
   * diagonal. The matrix is symmetric, and positive definite with its ridge (≥ 0); out may be matrix.
   * Starts after what was enqueued before, and is awaited before anything that touches out or matrix is enqueued: it
   * takes n³ and lets the event loop run meanwhile.
   * @throws BackendError that names the pivot and its row where the matrix is not positive definite or not finite; the
   *   signal's reason where it was aborted. In either case the content of out is undefined.
   */
  invert(
    out: Tensor<'f64'>,
    matrix: Tensor<'f64'>,
    ridge: number,
    form: InverseForm,
    signal?: AbortSignal,
  ): Promise<void>;

  /**
   * One block of columns [from, to) of SparseGPT (arXiv 2301.00774) on weight[rows, n], in place; factor[n, n] is the
   * upper triangular U of `invert`. Columns left to right: with err = w/U_cc where a weight is removed and 0 elsewhere,
   * every column j right of c loses err·U_cj, in the block and beyond it; removed weights become 0. For n:m, m divides
   * from and to. Scores must be finite.
   */
  eliminateColumns(
    weight: Tensor<'f32'>,
    factor: Tensor<'f32'>,
    from: number,
    to: number,
    selection: BlockSelection,
  ): void;

  /** Stops the threads and drops all memory; the backend is dead. */
  dispose(): Promise<void>;
}
