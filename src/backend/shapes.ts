// What every operation demands of its operands, one function per operation, named after it.
// All backends call these before they touch memory, so a wrong shape fails with the same text everywhere. They look
// at shapes only, never at contents, and build no string unless they fail: a decoding loop calls them for each layer.

import { BackendError } from '../errors.js';
import { type Bitmask, maskStride } from '../tensor/bitmask.js';
import { ColumnMatrix } from '../tensor/column-matrix.js';
import { bytesPerElement, type DType } from '../tensor/dtype.js';
import { Int8Matrix } from '../tensor/int8-matrix.js';
import { type Matrix, SPARSE_VALUES, SparseMatrix, type SparseValues, type Table } from '../tensor/sparse-matrix.js';
import { Tensor } from '../tensor/tensor.js';
import { WEIGHTS_16 } from '../tensor/weights16.js';
import {
  ACTIVATIONS,
  type Activation,
  type AttentionShape,
  type BlockSelection,
  INVERSE_FORMS,
  type InverseForm,
  KEY_DTYPES,
  type LayerOf,
  type RopeShape,
  type Scores,
  type Selection,
  TIES,
} from './backend.js';

/** Every axis is a whole number of elements. */
export function checkAllocate(shape: readonly number[]): void {
  for (const axis of shape) within(axis, 0, Number.MAX_SAFE_INTEGER, 'length of an axis', 'allocate');
}

/** As many values as elements. */
export function checkWrite(tensor: Tensor, values: ArrayLike<number>): void {
  equal(values.length, tensor.size, 'number of values', 'write');
}

/** y[T, rows], x[T, columns], weight[rows, columns], bias[rows]; y overlaps neither x nor weight. */
export function checkLinear(y: Tensor, x: Tensor, weight: Matrix, bias: Tensor | null): void {
  typed(y, 'f32', 'y', 'linear');
  typed(x, 'f32', 'x', 'linear');
  equal(x.columns, weight.columns, 'columns of x', 'linear');
  equal(y.columns, weight.rowCount, 'columns of y', 'linear');
  equal(y.rowCount, x.rowCount, 'rows of y', 'linear');
  if (bias !== null) {
    typed(bias, 'f32', 'bias', 'linear');
    equal(bias.size, weight.rowCount, 'size of bias', 'linear');
  }
  apart(y, x, 'y', 'x', 'linear');
  if (weight instanceof SparseMatrix) return;
  const values = weight instanceof ColumnMatrix ? weight.values : weight;
  matrix(values, 'weight', 'linear');
  if (!(values instanceof Int8Matrix)) apart(y, values, 'y', 'weight', 'linear');
}

/** As `checkLinear` each; no y overlaps what another layer reads or writes. */
export function checkLinears(x: Tensor, layers: readonly LayerOf<Matrix>[]): void {
  for (const { y, weight, bias } of layers) checkLinear(y, x, weight, bias);
  for (const one of layers)
    for (const other of layers) {
      if (one === other) continue;
      apart(one.y, other.y, 'y', 'that of another layer', 'linears');
      if (other.weight instanceof Tensor) apart(one.y, other.weight, 'y', 'the weight of another layer', 'linears');
      if (other.bias !== null) apart(one.y, other.bias, 'y', 'the bias of another layer', 'linears');
    }
}

/** weight[rows, columns], values of a kind that there is, and scale[rows] for those of int8. */
export function checkCompress(weight: Tensor, values: SparseValues, scale?: Tensor): void {
  typed(weight, 'f32', 'weight', 'compress');
  checkValues(values, scale, weight.rowCount, 'compress');
}

/** bits [rows, ⌈columns/8⌉] and offsets[rows + 1], values of a kind that there is, and scale[rows] for those of int8. */
export function checkCompressMasked(mask: Bitmask, values: SparseValues, scale?: Tensor): void {
  const { rows, columns, bits, offsets } = mask;
  positive(rows, 'rows', 'compressMasked');
  positive(columns, 'columns', 'compressMasked');
  equal(bits.length, rows * maskStride(columns), 'bytes of bits', 'compressMasked');
  equal(offsets.length, rows + 1, 'number of offsets', 'compressMasked');
  checkValues(values, scale, rows, 'compressMasked');
}

/** As many values as the offsets of these rows leave them. */
export function checkMaskedValues({ offsets }: Bitmask, first: number, end: number, values: ArrayLike<number>): void {
  equal(values.length, offsets[end] - offsets[first], 'number of values', 'compressMasked');
}

/** A kind that there is, and a scale for each row with int8 alone. */
function checkValues(values: SparseValues, scale: Tensor | undefined, rows: number, where: string): void {
  oneOf(values, SPARSE_VALUES, 'values', where);
  if ((values === 'int8') !== (scale !== undefined))
    throw new BackendError({
      expected: values === 'int8' ? 'a scale for each row' : 'no scale',
      got: scale === undefined ? 'none' : 'one',
      where: `${where} to ${values}`,
    });
  if (scale === undefined) return;
  typed(scale, 'f32', 'scale', where);
  equal(scale.size, rows, 'size of scale', where);
}

/** y[T, n], ids[T], table[vocabulary, n]. */
export function checkEmbed(y: Tensor, ids: Tensor, table: Table): void {
  typed(y, 'f32', 'y', 'embed');
  typed(ids, 'i32', 'ids', 'embed');
  matrix(table, 'table', 'embed');
  equal(y.columns, table.columns, 'columns of y', 'embed');
  equal(y.rowCount, ids.size, 'rows of y', 'embed');
  if (!(table instanceof Int8Matrix)) apart(y, table, 'y', 'table', 'embed');
}

/** y and x of one shape, weight as long as a row, eps ≥ 0. */
export function checkRmsNorm(y: Tensor, x: Tensor, weight: Tensor | null, eps: number): void {
  sameRows(y, x, 'y', 'rmsNorm');
  if (weight !== null) alongRows(weight, x, 'weight', 'rmsNorm');
  finite(eps, 0, 'eps', 'rmsNorm');
}

/** y and x of one shape, weight and bias as long as a row, eps ≥ 0. */
export function checkLayerNorm(y: Tensor, x: Tensor, weight: Tensor | null, bias: Tensor | null, eps: number): void {
  sameRows(y, x, 'y', 'layerNorm');
  if (weight !== null) alongRows(weight, x, 'weight', 'layerNorm');
  if (bias !== null) alongRows(bias, x, 'bias', 'layerNorm');
  finite(eps, 0, 'eps', 'layerNorm');
}

/** x[T, heads·headDim], cos and sin [positions, rotaryDim/2] with a row for every position in use. */
export function checkRope(x: Tensor, cos: Tensor, sin: Tensor, shape: RopeShape): void {
  const { heads, headDim, rotaryDim, start, period } = shape;
  typed(x, 'f32', 'x', 'rope');
  typed(cos, 'f32', 'cos', 'rope');
  positive(heads, 'heads', 'rope');
  positive(headDim, 'headDim', 'rope');
  positive(period, 'period', 'rope');
  within(rotaryDim, 2, headDim, 'rotaryDim', 'rope');
  multiple(rotaryDim, 2, 'rotaryDim', 'rope');
  equal(x.columns, heads * headDim, 'columns of x', 'rope');
  equal(cos.columns, rotaryDim / 2, 'columns of cos', 'rope');
  sameRows(sin, cos, 'sin', 'rope');
  within(start, 0, cos.rowCount - Math.min(period, x.rowCount), 'start', 'rope');
}

/** The rows and columns that the AttentionShape implies, scale and softcap > 0; y overlaps none of the inputs. */
export function checkAttention(y: Tensor, q: Tensor, k: Tensor, v: Tensor, shape: AttentionShape): void {
  const { heads, kvHeads, headDim, sequences, queries, keys, scale, window, softcap } = shape;
  positive(kvHeads, 'kvHeads', 'attention');
  positive(headDim, 'headDim', 'attention');
  positive(sequences, 'sequences', 'attention');
  positive(queries, 'queries', 'attention');
  positive(heads, 'heads', 'attention');
  multiple(heads, kvHeads, 'heads', 'attention');
  within(keys, queries, Number.MAX_SAFE_INTEGER, 'keys', 'attention');
  finite(scale, LEAST, 'scale', 'attention');
  if (window !== null) positive(window, 'window', 'attention');
  if (softcap !== null) finite(softcap, LEAST, 'softcap', 'attention');
  typed(q, 'f32', 'q', 'attention');
  equal(q.columns, heads * headDim, 'columns of q', 'attention');
  equal(q.rowCount, sequences * queries, 'rows of q', 'attention');
  if (!(KEY_DTYPES as readonly DType[]).includes(k.dtype))
    throw new BackendError({ expected: `k of type ${KEY_DTYPES.join(' or ')}`, got: k.dtype, where: 'attention' });
  equal(k.columns, kvHeads * headDim, 'columns of k', 'attention');
  equal(k.rowCount, sequences * keys, 'rows of k', 'attention');
  typed(v, k.dtype, 'v', 'attention');
  sameShape(v, k, 'v', 'attention');
  sameRows(y, q, 'y', 'attention');
  apart(y, q, 'y', 'q', 'attention');
  apart(y, k, 'y', 'k', 'attention');
  apart(y, v, 'y', 'v', 'attention');
}

/** y and x of one size, and an activation that there is. */
export function checkActivate(y: Tensor, x: Tensor, kind: Activation): void {
  sameSize(y, x, 'x', 'activate');
  oneOf(kind, ACTIVATIONS, 'an activation', 'activate');
}

/** Three tensors of one size, and an activation that there is. */
export function checkGate(y: Tensor, gate: Tensor, up: Tensor, kind: Activation): void {
  sameSize(y, gate, 'gate', 'gate');
  sameSize(y, up, 'up', 'gate');
  oneOf(kind, ACTIVATIONS, 'an activation', 'gate');
}

/** Three tensors of one size, and a factor that is a number of f32. */
export function checkAdd(y: Tensor, a: Tensor, b: Tensor, factor: number): void {
  sameSize(y, a, 'a', 'add');
  sameSize(y, b, 'b', 'add');
  finite(factor, -Infinity, 'factor', 'add');
}

/** y and x of one size, and a factor that is a number of f32. */
export function checkScale(y: Tensor, x: Tensor, factor: number): void {
  sameSize(y, x, 'x', 'scale');
  finite(factor, -Infinity, 'factor', 'scale');
}

/** y of bf16 and x of one size. */
export function checkNarrow(y: Tensor, x: Tensor): void {
  typed(y, 'bf16', 'y', 'narrow');
  typed(x, 'f32', 'x', 'narrow');
  equal(x.size, y.size, 'size of x', 'narrow');
}

/** y and x of one size, cap > 0. */
export function checkSoftcap(y: Tensor, x: Tensor, cap: number): void {
  sameSize(y, x, 'x', 'softcap');
  finite(cap, LEAST, 'cap', 'softcap');
}

/** One f64 sum for each column of x. */
export function checkAddColumnSquares(sums: Tensor, x: Tensor): void {
  sumOfColumns(sums, x, 'addColumnSquares');
}

/** One f64 sum for each column of x. */
export function checkAddColumnSums(sums: Tensor, x: Tensor): void {
  sumOfColumns(sums, x, 'addColumnSums');
}

/** A square matrix over the columns of x. */
export function checkAddGram(gram: Tensor, x: Tensor): void {
  typed(gram, 'f64', 'gram', 'addGram');
  typed(x, 'f32', 'x', 'addGram');
  equal(gram.columns, x.columns, 'columns of gram', 'addGram');
  equal(gram.rowCount, x.columns, 'rows of gram', 'addGram');
}

/** A matrix over the columns of a and those of b, which have as many rows. */
export function checkAddCross(out: Tensor, a: Tensor, b: Tensor): void {
  typed(out, 'f64', 'out', 'addCross');
  typed(a, 'f32', 'a', 'addCross');
  typed(b, 'f32', 'b', 'addCross');
  equal(b.rowCount, a.rowCount, 'rows of b', 'addCross');
  equal(out.rowCount, a.columns, 'rows of out', 'addCross');
  equal(out.columns, b.columns, 'columns of out', 'addCross');
}

/** One target and one result for each row of logits. */
export function checkLogProbabilities(out: Tensor, logits: Tensor, targets: Tensor): void {
  typed(out, 'f32', 'out', 'logProbabilities');
  typed(logits, 'f32', 'logits', 'logProbabilities');
  typed(targets, 'i32', 'targets', 'logProbabilities');
  equal(out.size, logits.rowCount, 'size of out', 'logProbabilities');
  equal(targets.size, logits.rowCount, 'size of targets', 'logProbabilities');
}

/** out, weight and scores.of of one shape, a factor for each column and row, a selection that the matrix can satisfy. */
export function checkMask(out: Tensor, weight: Tensor, { of, column, row }: Scores, selection: Selection): void {
  sameRows(out, weight, 'out', 'mask');
  if (of !== null) sameRows(of, weight, 'of', 'mask');
  if (column !== null) alongRows(column, weight, 'column', 'mask');
  if (row !== null) {
    typed(row, 'f32', 'row', 'mask');
    equal(row.size, weight.rowCount, 'size of row', 'mask');
  }
  if (selection.kind === 'row') within(selection.prune, 0, weight.columns, 'prune', 'mask');
  if (selection.kind === 'rows') {
    typed(selection.keep, 'i32', 'keep', 'mask');
    equal(selection.keep.size, weight.rowCount, 'size of keep', 'mask');
    oneOf(selection.ties, TIES, 'ties', 'mask');
  }
  if (selection.kind === 'layer') within(selection.rank, 0, weight.size - 1, 'rank', 'mask');
  if (selection.kind === 'count') within(selection.prune, 0, weight.size, 'prune', 'mask');
  if (selection.kind === 'n:m') {
    within(selection.m, 1, 64, 'm', 'mask');
    within(selection.n, 0, selection.m, 'n', 'mask');
    multiple(weight.columns, selection.m, 'columns of weight', 'mask');
  }
}

/** Three tensors of one size. */
export function checkAdmmScores(scores: Tensor, x: Tensor, u: Tensor): void {
  typed(scores, 'f32', 'scores', 'admmScores');
  for (const [name, tensor] of Object.entries({ x, u })) {
    typed(tensor, 'f64', name, 'admmScores');
    equal(tensor.size, scores.size, `size of ${name}`, 'admmScores');
  }
}

/** Five tensors of one size, right and u apart from all others, rho > 0. */
export function checkAdmmStep(right: Tensor, u: Tensor, x: Tensor, b: Tensor, kept: Tensor, rho: number): void {
  for (const [name, tensor] of Object.entries({ right, u, x, b })) typed(tensor, 'f64', name, 'admmStep');
  typed(kept, 'f32', 'kept', 'admmStep');
  for (const [name, tensor] of Object.entries({ right, x, b, kept }))
    equal(tensor.size, u.size, `size of ${name}`, 'admmStep');
  apart(right, u, 'right', 'u', 'admmStep');
  for (const [name, tensor] of Object.entries({ x, b, kept })) {
    apart(right, tensor, 'right', name, 'admmStep');
    apart(u, tensor, 'u', name, 'admmStep');
  }
  finite(rho, LEAST, 'rho', 'admmStep');
}

/** y[m, rows], x[m, n], matrix[rows, n]; y overlaps neither x nor matrix. */
export function checkMultiply(y: Tensor, x: Tensor, matrix: Tensor): void {
  for (const [name, tensor] of Object.entries({ y, x, matrix })) typed(tensor, 'f64', name, 'multiply');
  equal(x.columns, matrix.columns, 'columns of x', 'multiply');
  equal(y.columns, matrix.rowCount, 'columns of y', 'multiply');
  equal(y.rowCount, x.rowCount, 'rows of y', 'multiply');
  apart(y, x, 'y', 'x', 'multiply');
  apart(y, matrix, 'y', 'matrix', 'multiply');
}

/** Two square matrices of one size, ridge ≥ 0, and a form that there is. */
export function checkInvert(out: Tensor, matrix: Tensor, ridge: number, form: InverseForm): void {
  typed(out, 'f64', 'out', 'invert');
  typed(matrix, 'f64', 'matrix', 'invert');
  equal(matrix.rowCount, matrix.columns, 'rows of matrix', 'invert');
  equal(out.columns, matrix.columns, 'columns of out', 'invert');
  equal(out.rowCount, matrix.columns, 'rows of out', 'invert');
  finite(ridge, 0, 'ridge', 'invert');
  if (!INVERSE_FORMS.includes(form))
    throw new BackendError({ expected: `a form of ${INVERSE_FORMS.join(', ')}`, got: String(form), where: 'invert' });
}

/** factor[n, n] for weight[rows, n], apart from it; columns that there are; a selection that they can satisfy. */
export function checkEliminateColumns(
  weight: Tensor,
  factor: Tensor,
  from: number,
  to: number,
  selection: BlockSelection,
): void {
  const where = 'eliminateColumns';
  typed(weight, 'f32', 'weight', where);
  typed(factor, 'f32', 'factor', where);
  equal(factor.columns, weight.columns, 'columns of factor', where);
  equal(factor.rowCount, weight.columns, 'rows of factor', where);
  apart(weight, factor, 'weight', 'factor', where);
  within(from, 0, weight.columns - 1, 'from', where);
  within(to, from + 1, weight.columns, 'to', where);
  const size = weight.rowCount * (to - from);
  if (selection.kind === 'layer') within(selection.rank, 0, size - 1, 'rank', where);
  if (selection.kind === 'count') within(selection.prune, 0, size, 'prune', where);
  if (selection.kind === 'n:m') {
    within(selection.m, 1, 64, 'm', where);
    within(selection.n, 0, selection.m, 'n', where);
    multiple(from, selection.m, 'from', where);
    multiple(to, selection.m, 'to', where);
  }
}

function typed(tensor: Tensor, dtype: DType, name: string, where: string): void {
  if (tensor.dtype !== dtype)
    throw new BackendError({ expected: `${name} of type ${dtype}`, got: tensor.dtype, where });
}

function matrix(tensor: Tensor | Int8Matrix, name: string, where: string): void {
  if (tensor instanceof Int8Matrix) {
    typed(tensor.values, 'i8', `values of ${name}`, where);
    typed(tensor.scale, 'f32', `scale of ${name}`, where);
    equal(tensor.scale.size, tensor.rowCount, `size of scale of ${name}`, where);
    return;
  }
  if (!['f32', ...WEIGHTS_16].includes(tensor.dtype))
    throw new BackendError({ expected: `${name} of type f32, bf16 or f16`, got: tensor.dtype, where });
}

function equal(got: number, expected: number, what: string, where: string): void {
  if (got !== expected) throw new BackendError({ expected: `${what} = ${expected}`, got: `${got}`, where });
}

function within(got: number, low: number, high: number, what: string, where: string): void {
  if (Number.isInteger(got) && got >= low && got <= high) return;
  const range = high === Number.MAX_SAFE_INTEGER ? `whole and at least ${low}` : `whole and within ${low}..${high}`;
  throw new BackendError({ expected: `${what} ${range}`, got: `${got}`, where });
}

function positive(got: number, what: string, where: string): void {
  within(got, 1, Number.MAX_SAFE_INTEGER, what, where);
}

function multiple(got: number, of: number, what: string, where: string): void {
  if (got % of !== 0) throw new BackendError({ expected: `${what} a multiple of ${of}`, got: `${got}`, where });
}

/** Smallest normal number of f32: what stands for "more than 0" where a kernel divides. */
const LEAST = 2 ** -126;

/** A number at least `low` that f32 can hold. */
function finite(got: number, low: number, what: string, where: string): void {
  if (got >= low && Number.isFinite(Math.fround(got))) return;
  const range = low === LEAST ? 'above 0 and finite' : low === 0 ? 'at least 0 and finite' : 'finite';
  throw new BackendError({ expected: `${what} ${range} in f32`, got: `${got}`, where });
}

function oneOf<T extends string>(got: T, known: readonly T[], what: string, where: string): void {
  if (!known.includes(got))
    throw new BackendError({ expected: `${what} of ${known.join(', ')}`, got: `${got}`, where });
}

/** Two f32 tensors of as many elements. */
function sameSize(y: Tensor, other: Tensor, name: string, where: string): void {
  typed(y, 'f32', 'y', where);
  typed(other, 'f32', name, where);
  equal(other.size, y.size, `size of ${name}`, where);
}

/** A number for each column of x. */
function alongRows(tensor: Tensor, x: Tensor, name: string, where: string): void {
  typed(tensor, 'f32', name, where);
  equal(tensor.size, x.columns, `size of ${name}`, where);
}

/** An f64 for each column of x. */
function sumOfColumns(sums: Tensor, x: Tensor, where: string): void {
  typed(sums, 'f64', 'sums', where);
  typed(x, 'f32', 'x', where);
  equal(sums.size, x.columns, 'size of sums', where);
}

/** `other` is an f32 tensor of the rows and columns of `like`. */
function sameRows(other: Tensor, like: Tensor, name: string, where: string): void {
  typed(like, 'f32', 'operand', where);
  typed(other, 'f32', name, where);
  sameShape(other, like, name, where);
}

function sameShape(other: Tensor, like: Tensor, name: string, where: string): void {
  if (other.columns !== like.columns || other.rowCount !== like.rowCount)
    throw new BackendError({ expected: `${name} of shape [${like.shape}]`, got: `[${other.shape}]`, where });
}

/** Results written while `operand` is still being read would be garbage without a sign. */
function apart(result: Tensor, operand: Tensor, name: string, other: string, where: string): void {
  if (result.storage !== operand.storage) return;
  const [begin, end] = bytesOf(result);
  const [otherBegin, otherEnd] = bytesOf(operand);
  if (end <= otherBegin || otherEnd <= begin) return;
  throw new BackendError({ expected: `${name} apart from ${other}`, got: 'an overlap', where });
}

/** Where a tensor begins and ends in its storage. */
function bytesOf({ offset, size, dtype }: Tensor): [number, number] {
  const bytes = bytesPerElement[dtype];
  return [offset * bytes, (offset + size) * bytes];
}
