// Calls that no backend may accept, with the text of the error: a wrong shape must never reach a kernel.

import type { BlockSelection, KeyTensor, Scores, Selection } from '../../src/backend/backend.js';
import { ColumnMatrix } from '../../src/tensor/column-matrix.js';
import { Int8Matrix } from '../../src/tensor/int8-matrix.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { normal } from './draws.js';
import type { Rig } from './rig.js';

export interface Refusal {
  message: string;
  call(rig: Rig): void | Promise<void>;
}

const refusal = (message: string, call: Refusal['call']): Refusal => ({ message, call });

const attention = (rig: Rig, change: object, keyRows = 6, types: ('f32' | 'bf16' | 'f16')[] = ['f32', 'f32']) => {
  const shape = { heads: 4, kvHeads: 2, headDim: 4, sequences: 2, queries: 3, keys: 3, scale: 1 };
  const [y, q] = [rig.result([6, 16]), rig.f32([6, 16])];
  const [k, v] = types.map((type) => rig[type]([keyRows, 8]) as KeyTensor);
  rig.backend.attention(y, q, k, v, { ...shape, window: null, softcap: null, ...change });
};

const rope = (rig: Rig, columns: number, change: object) => {
  const tables = [rig.f32([8, 2]), rig.f32([8, 2])];
  rig.backend.rope(rig.f32([3, columns]), tables[0], tables[1], {
    heads: 2,
    headDim: 4,
    rotaryDim: 4,
    start: 0,
    period: 3,
    ...change,
  });
};

const mask = (rig: Rig, selection: Selection, by: Partial<Scores> = {}) =>
  rig.backend.mask(rig.result([3, 6]), rig.f32([3, 6]), { of: null, column: null, row: null, ...by }, selection);

interface AdmmOperands extends Record<'right' | 'u' | 'x' | 'b', Tensor<'f64'>> {
  kept: Tensor<'f32'>;
}

/** A step of ADMM on matrices of 3×6, but for some. */
const admmStep = (rig: Rig, change: Partial<AdmmOperands>, rho = 1) => {
  const { right, u, x, b, kept } = change;
  const other = () => rig.f64([3, 6]);
  rig.backend.admmStep(right ?? other(), u ?? other(), x ?? other(), b ?? other(), kept ?? rig.f32([3, 6]), rho);
};

const invert = (rig: Rig, change: { columns?: number; rows?: number; ridge?: number; form?: string }) => {
  const { columns = 3, rows = 3, ridge = 0, form = 'whole' } = change;
  return rig.backend.invert(rig.result64([3, 3]), rig.f64([rows, columns]), ridge, form as never);
};

const eliminate = (rig: Rig, from: number, to: number, selection: BlockSelection) =>
  rig.backend.eliminateColumns(rig.f32([2, 6]), rig.f32([6, 6]), from, to, selection);

/** Two rows of nine columns, all of them 0. */
const noBits = { rows: 2, columns: 9, bits: new Uint8Array(4), offsets: new Float64Array(3) };

export const refusals: Refusal[] = [
  refusal('expected number of values = 3, got 2, in write', (rig) =>
    rig.backend.write(rig.f32([3]), new Float32Array(2)),
  ),

  refusal('expected columns of x = 5, got 4, in linear', (rig) =>
    rig.backend.linear(rig.result([2, 3]), rig.f32([2, 4]), rig.f32([3, 5]), null),
  ),
  refusal('expected columns of y = 3, got 4, in linear', (rig) => {
    const [bias, weight] = [null, rig.int8([3, 5])];
    const [first, second] = [3, 4].map((rows) => ({ y: rig.result([2, rows]), weight, bias }));
    rig.backend.linears(rig.f32([2, 5]), [first, second]);
  }),
  refusal('expected y apart from that of another layer, got an overlap, in linears', (rig) => {
    const [bias, weight, both] = [null, rig.sparse([3, 5], 'f32', normal), rig.f32([3, 3])];
    const [first, second] = [0, 1].map((row) => ({ y: both.rows(row, row + 2), weight, bias }));
    rig.backend.linears(rig.f32([2, 5]), [first, second]);
  }),
  refusal('expected y apart from the weight of another layer, got an overlap, in linears', (rig) => {
    const [bias, weight] = [null, rig.f32([5, 5])];
    const [first, second] = [rig.result([2, 5]), weight.rows(1, 3)].map((y, i) => ({
      y,
      weight: i ? rig.f32([5, 5]) : weight,
      bias,
    }));
    rig.backend.linears(rig.f32([2, 5]), [first, second]);
  }),
  refusal('expected y apart from the bias of another layer, got an overlap, in linears', (rig) => {
    const [weight, bias] = [rig.int8([5, 5]), rig.f32([15])];
    const [first, second] = [rig.result([2, 5]), bias.rows(5, 15).reshape(2, 5)].map((y, i) => ({
      y,
      weight,
      bias: i ? null : bias.rows(1, 6),
    }));
    rig.backend.linears(rig.f32([2, 5]), [first, second]);
  }),
  refusal('expected columns of y = 3, got 4, in linear', (rig) =>
    rig.backend.linear(rig.result([2, 4]), rig.f32([2, 5]), rig.f32([3, 5]), null),
  ),
  refusal('expected rows of y = 2, got 1, in linear', (rig) =>
    rig.backend.linear(rig.result([1, 3]), rig.f32([2, 5]), rig.f32([3, 5]), null),
  ),
  refusal('expected columns of x = 5, got 4, in linear', (rig) =>
    rig.backend.linear(rig.result([2, 3]), rig.f32([2, 4]), rig.sparse([3, 5], 'f32', normal), null),
  ),
  refusal('expected size of bias = 3, got 2, in linear', (rig) =>
    rig.backend.linear(rig.result([2, 3]), rig.f32([2, 5]), rig.sparse([3, 5], 'f32', normal), rig.f32([2])),
  ),
  refusal('expected a scale for each row, got none, in compress to int8', (rig) => {
    rig.backend.compress(rig.f32([2, 2]), 'int8');
  }),
  refusal('expected no scale, got one, in compress to bf16', (rig) => {
    rig.backend.compress(rig.f32([2, 2]), 'bf16', rig.f32([2]));
  }),
  refusal('expected size of scale = 2, got 3, in compress', (rig) => {
    rig.backend.compress(rig.f32([2, 2]), 'int8', rig.f32([3]));
  }),
  refusal('expected bytes of bits = 4, got 3, in compressMasked', (rig) => {
    rig.backend.compressMasked({ ...noBits, bits: new Uint8Array(3) }, 'f32', () => new Float32Array(0));
  }),
  refusal('expected number of offsets = 3, got 2, in compressMasked', (rig) => {
    rig.backend.compressMasked({ ...noBits, offsets: new Float64Array(2) }, 'bf16', () => new Uint16Array(0));
  }),
  refusal('expected number of values = 0, got 1, in compressMasked', (rig) => {
    rig.backend.compressMasked(noBits, 'f32', () => new Float32Array(1));
  }),
  refusal('expected a scale for each row, got none, in compressMasked to int8', (rig) => {
    rig.backend.compressMasked(noBits, 'int8', () => new Int8Array(0));
  }),
  refusal('expected size of scale = 2, got 3, in compressMasked', (rig) => {
    rig.backend.compressMasked(noBits, 'int8', () => new Int8Array(0), rig.f32([3]));
  }),
  refusal('expected size of scale of weight = 3, got 2, in linear', (rig) =>
    rig.backend.linear(
      rig.result([2, 3]),
      rig.f32([2, 5]),
      new Int8Matrix(rig.int8([3, 5]).values, rig.f32([2])),
      null,
    ),
  ),
  refusal('expected values of f32, bf16, int8, got f16, in compress', (rig) => {
    rig.backend.compress(rig.f32([2, 2]), 'f16' as 'bf16');
  }),
  refusal('expected weight of type f32, bf16 or f16, got f64, in linear', (rig) =>
    rig.backend.linear(rig.result([2, 3]), rig.f32([2, 5]), rig.f64([3, 5]) as unknown as Tensor<'f32'>, null),
  ),
  refusal('expected weight of type f32, bf16 or f16, got f64, in linear', (rig) =>
    rig.backend.linear(rig.result([2, 3]), rig.f32([2, 5]), new ColumnMatrix(rig.f64([5, 3]) as never), null),
  ),
  refusal('expected columns of x = 5, got 4, in linear', (rig) =>
    rig.backend.linear(rig.result([2, 3]), rig.f32([2, 4]), rig.columns([3, 5], 'f32'), null),
  ),
  refusal('expected size of bias = 3, got 2, in linear', (rig) =>
    rig.backend.linear(rig.result([2, 3]), rig.f32([2, 5]), rig.columns([3, 5], 'bf16'), rig.f32([2])),
  ),
  refusal('expected y apart from weight, got an overlap, in linear', (rig) => {
    const both = rig.f32([4, 4]);
    rig.backend.linear(both.rows(2, 4), rig.f32([2, 4]), new ColumnMatrix(both), null);
  }),
  refusal('expected all rows, 0..3, got 1..3, in ColumnMatrix.rows', (rig) => {
    rig.columns([3, 5], 'f32').rows(1, 3);
  }),
  refusal('expected rows within 0..3, got 1..4, in SparseMatrix.rows', (rig) => {
    rig.sparse([3, 5], 'f32', normal).rows(1, 4);
  }),
  refusal('expected size of bias = 3, got 2, in linear', (rig) =>
    rig.backend.linear(rig.result([2, 3]), rig.f32([2, 5]), rig.f32([3, 5]), rig.f32([2])),
  ),
  refusal('expected y apart from x, got an overlap, in linear', (rig) => {
    const both = rig.f32([3, 4]);
    rig.backend.linear(both.rows(1, 3), both.rows(0, 2), rig.f32([4, 4]), null);
  }),
  refusal('expected x of type f32, got f64, in linear', (rig) =>
    rig.backend.linear(rig.result([2, 3]), rig.f64([2, 5]) as never, rig.f32([3, 5]), null),
  ),

  refusal('expected columns of y = 5, got 4, in embed', (rig) =>
    rig.backend.embed(
      rig.result([2, 4]),
      rig.i32([2], () => 0),
      rig.f32([3, 5]),
    ),
  ),
  refusal('expected rows of y = 3, got 2, in embed', (rig) =>
    rig.backend.embed(
      rig.result([2, 5]),
      rig.i32([3], () => 0),
      rig.f32([3, 5]),
    ),
  ),
  refusal('expected size of weight = 5, got 4, in rmsNorm', (rig) =>
    rig.backend.rmsNorm(rig.result([2, 5]), rig.f32([2, 5]), rig.f32([4]), 1e-5),
  ),
  refusal('expected y of shape [2,5], got [5,2], in rmsNorm', (rig) =>
    rig.backend.rmsNorm(rig.result([5, 2]), rig.f32([2, 5]), rig.f32([5]), 1e-5),
  ),
  refusal('expected eps at least 0 and finite in f32, got -1, in rmsNorm', (rig) =>
    rig.backend.rmsNorm(rig.result([2, 5]), rig.f32([2, 5]), null, -1),
  ),
  refusal('expected size of weight = 5, got 4, in layerNorm', (rig) =>
    rig.backend.layerNorm(rig.result([2, 5]), rig.f32([2, 5]), rig.f32([4]), null, 1e-5),
  ),
  refusal('expected size of bias = 5, got 10, in layerNorm', (rig) =>
    rig.backend.layerNorm(rig.result([2, 5]), rig.f32([2, 5]), null, rig.f32([10]), 1e-5),
  ),
  refusal('expected y of shape [2,5], got [1,5], in layerNorm', (rig) =>
    rig.backend.layerNorm(rig.result([1, 5]), rig.f32([2, 5]), null, null, 1e-5),
  ),
  refusal('expected bias of type f32, got f64, in layerNorm', (rig) =>
    rig.backend.layerNorm(rig.result([2, 5]), rig.f32([2, 5]), null, rig.f64([5]) as never, 1e-5),
  ),
  refusal('expected eps at least 0 and finite in f32, got NaN, in layerNorm', (rig) =>
    rig.backend.layerNorm(rig.result([2, 5]), rig.f32([2, 5]), null, null, Number.NaN),
  ),

  refusal('expected size of x = 6, got 5, in activate', (rig) =>
    rig.backend.activate(rig.result([2, 3]), rig.f32([5]), 'relu'),
  ),
  refusal('expected an activation of silu, relu, gelu, gelu_tanh, quick_gelu, got mish, in activate', (rig) =>
    rig.backend.activate(rig.result([2, 3]), rig.f32([2, 3]), 'mish' as never),
  ),
  refusal('expected size of gate = 6, got 5, in gate', (rig) =>
    rig.backend.gate(rig.result([2, 3]), rig.f32([5]), rig.f32([2, 3]), 'silu'),
  ),
  refusal('expected size of up = 6, got 5, in gate', (rig) =>
    rig.backend.gate(rig.result([2, 3]), rig.f32([2, 3]), rig.f32([5]), 'silu'),
  ),
  refusal('expected an activation of silu, relu, gelu, gelu_tanh, quick_gelu, got undefined, in gate', (rig) =>
    rig.backend.gate(rig.result([2, 3]), rig.f32([2, 3]), rig.f32([2, 3]), undefined as never),
  ),
  refusal('expected size of a = 6, got 5, in add', (rig) =>
    rig.backend.add(rig.result([2, 3]), rig.f32([5]), rig.f32([2, 3])),
  ),
  refusal('expected size of b = 6, got 5, in add', (rig) =>
    rig.backend.add(rig.result([2, 3]), rig.f32([2, 3]), rig.f32([5])),
  ),
  refusal('expected factor finite in f32, got 1e+39, in add', (rig) =>
    rig.backend.add(rig.result([2, 3]), rig.f32([2, 3]), rig.f32([2, 3]), 1e39),
  ),
  refusal('expected size of x = 6, got 5, in scale', (rig) => rig.backend.scale(rig.result([2, 3]), rig.f32([5]), 1)),
  refusal('expected factor finite in f32, got NaN, in scale', (rig) =>
    rig.backend.scale(rig.result([2, 3]), rig.f32([2, 3]), Number.NaN),
  ),
  refusal('expected y of type bf16, got f32, in narrow', (rig) =>
    rig.backend.narrow(rig.result([2]) as never, rig.f32([2])),
  ),
  refusal('expected x of type f32, got bf16, in narrow', (rig) =>
    rig.backend.narrow(rig.bf16([2]), rig.bf16([2]) as never),
  ),
  refusal('expected size of x = 6, got 5, in narrow', (rig) => rig.backend.narrow(rig.bf16([2, 3]), rig.f32([5]))),
  refusal('expected x of type f32, got i32, in softcap', (rig) =>
    rig.backend.softcap(rig.result([2]), rig.i32([2], () => 0) as never, 1),
  ),
  refusal('expected cap above 0 and finite in f32, got 0, in softcap', (rig) =>
    rig.backend.softcap(rig.result([2]), rig.f32([2]), 0),
  ),

  refusal('expected rotaryDim a multiple of 2, got 3, in rope', (rig) => rope(rig, 8, { rotaryDim: 3 })),
  refusal('expected rotaryDim whole and within 2..4, got 6, in rope', (rig) => rope(rig, 8, { rotaryDim: 6 })),
  refusal('expected rotaryDim whole and within 2..4, got 0, in rope', (rig) => rope(rig, 8, { rotaryDim: 0 })),
  refusal('expected columns of x = 8, got 6, in rope', (rig) => rope(rig, 6, {})),
  refusal('expected columns of cos = 4, got 2, in rope', (rig) => rope(rig, 16, { headDim: 8, rotaryDim: 8 })),
  refusal('expected columns of cos = 1, got 2, in rope', (rig) => rope(rig, 8, { rotaryDim: 2 })),
  refusal('expected start whole and within 0..5, got 6, in rope', (rig) => rope(rig, 8, { start: 6 })),

  refusal('expected window whole and at least 1, got 0, in attention', (rig) => attention(rig, { window: 0 })),
  refusal('expected window whole and at least 1, got 2.5, in attention', (rig) => attention(rig, { window: 2.5 })),
  refusal('expected softcap above 0 and finite in f32, got -50, in attention', (rig) =>
    attention(rig, { softcap: -50 }),
  ),
  refusal('expected scale above 0 and finite in f32, got 0, in attention', (rig) => attention(rig, { scale: 0 })),
  refusal('expected heads a multiple of 3, got 4, in attention', (rig) => attention(rig, { kvHeads: 3 })),
  refusal('expected keys whole and at least 3, got 2, in attention', (rig) => attention(rig, { keys: 2 })),
  refusal('expected columns of q = 32, got 16, in attention', (rig) => attention(rig, { headDim: 8 })),
  refusal('expected rows of q = 9, got 6, in attention', (rig) => attention(rig, { sequences: 3 })),
  refusal('expected columns of k = 16, got 8, in attention', (rig) => attention(rig, { kvHeads: 4 })),
  refusal('expected rows of k = 6, got 7, in attention', (rig) => attention(rig, {}, 7)),
  refusal('expected k of type f32 or bf16, got f16, in attention', (rig) => attention(rig, {}, 6, ['f16', 'f16'])),
  refusal('expected v of type bf16, got f32, in attention', (rig) => attention(rig, {}, 6, ['bf16', 'f32'])),

  refusal('expected size of sums = 5, got 4, in addColumnSquares', (rig) =>
    rig.backend.addColumnSquares(rig.f64([4]), rig.f32([2, 5])),
  ),
  refusal('expected size of sums = 5, got 4, in addColumnSums', (rig) =>
    rig.backend.addColumnSums(rig.f64([4]), rig.f32([2, 5])),
  ),
  refusal('expected sums of type f64, got f32, in addColumnSums', (rig) =>
    rig.backend.addColumnSums(rig.f32([5]) as never, rig.f32([2, 5])),
  ),
  refusal('expected rows of gram = 5, got 4, in addGram', (rig) =>
    rig.backend.addGram(rig.f64([4, 5]), rig.f32([2, 5])),
  ),
  refusal('expected gram of type f64, got f32, in addGram', (rig) =>
    rig.backend.addGram(rig.f32([5, 5]) as never, rig.f32([2, 5])),
  ),
  refusal('expected rows of b = 2, got 3, in addCross', (rig) =>
    rig.backend.addCross(rig.f64([5, 4]), rig.f32([2, 5]), rig.f32([3, 4])),
  ),
  refusal('expected rows of out = 5, got 4, in addCross', (rig) =>
    rig.backend.addCross(rig.f64([4, 5]), rig.f32([2, 5]), rig.f32([2, 4])),
  ),
  refusal('expected columns of out = 4, got 5, in addCross', (rig) =>
    rig.backend.addCross(rig.f64([5, 5]), rig.f32([2, 5]), rig.f32([2, 4])),
  ),
  refusal('expected b of type f32, got f64, in addCross', (rig) =>
    rig.backend.addCross(rig.f64([5, 4]), rig.f32([2, 5]), rig.f64([2, 4]) as never),
  ),
  refusal('expected size of targets = 2, got 3, in logProbabilities', (rig) =>
    rig.backend.logProbabilities(
      rig.result([2]),
      rig.f32([2, 5]),
      rig.i32([3], () => 0),
    ),
  ),

  refusal('expected prune whole and within 0..6, got 7, in mask', (rig) => mask(rig, { kind: 'row', prune: 7 })),
  refusal('expected rank whole and within 0..17, got 18, in mask', (rig) => mask(rig, { kind: 'layer', rank: 18 })),
  refusal('expected columns of weight a multiple of 4, got 6, in mask', (rig) =>
    mask(rig, { kind: 'n:m', n: 2, m: 4 }),
  ),
  refusal('expected n whole and within 0..3, got 4, in mask', (rig) => mask(rig, { kind: 'n:m', n: 4, m: 3 })),
  refusal('expected size of keep = 3, got 2, in mask', (rig) =>
    mask(rig, { kind: 'rows', keep: rig.i32([2], () => 1), ties: 'keep-lower' }),
  ),
  refusal('expected ties of keep-lower, prune-lower, got undefined, in mask', (rig) =>
    mask(rig, { kind: 'rows', keep: rig.i32([3], () => 1) } as never),
  ),
  refusal('expected prune whole and within 0..18, got 19, in mask', (rig) => mask(rig, { kind: 'count', prune: 19 })),
  refusal('expected prune whole and within 0..18, got 0.5, in mask', (rig) => mask(rig, { kind: 'count', prune: 0.5 })),
  refusal('expected of of shape [3,6], got [6,3], in mask', (rig) =>
    mask(rig, { kind: 'row', prune: 1 }, { of: rig.f32([6, 3]) }),
  ),
  refusal('expected size of column = 6, got 3, in mask', (rig) =>
    mask(rig, { kind: 'row', prune: 1 }, { column: rig.f32([3]) }),
  ),
  refusal('expected size of row = 3, got 6, in mask', (rig) =>
    mask(rig, { kind: 'row', prune: 1 }, { row: rig.f32([6]) }),
  ),
  refusal('expected row of type f32, got f64, in mask', (rig) =>
    mask(rig, { kind: 'row', prune: 1 }, { row: rig.f64([3]) as never }),
  ),

  refusal('expected size of x = 18, got 12, in admmScores', (rig) =>
    rig.backend.admmScores(rig.result([3, 6]), rig.f64([2, 6]), rig.f64([3, 6])),
  ),
  refusal('expected size of u = 18, got 15, in admmScores', (rig) =>
    rig.backend.admmScores(rig.result([3, 6]), rig.f64([3, 6]), rig.f64([3, 5])),
  ),
  refusal('expected scores of type f32, got f64, in admmScores', (rig) =>
    rig.backend.admmScores(rig.result64([3, 6]) as never, rig.f64([3, 6]), rig.f64([3, 6])),
  ),
  refusal('expected u of type f64, got f32, in admmScores', (rig) =>
    rig.backend.admmScores(rig.result([3, 6]), rig.f64([3, 6]), rig.f32([3, 6]) as never),
  ),

  refusal('expected size of right = 18, got 12, in admmStep', (rig) => admmStep(rig, { right: rig.result64([6, 2]) })),
  refusal('expected size of x = 18, got 12, in admmStep', (rig) => admmStep(rig, { x: rig.f64([2, 6]) })),
  refusal('expected size of b = 18, got 15, in admmStep', (rig) => admmStep(rig, { b: rig.f64([3, 5]) })),
  refusal('expected size of kept = 18, got 24, in admmStep', (rig) => admmStep(rig, { kept: rig.f32([4, 6]) })),
  refusal('expected x of type f64, got f32, in admmStep', (rig) => admmStep(rig, { x: rig.f32([3, 6]) as never })),
  refusal('expected kept of type f32, got f64, in admmStep', (rig) =>
    admmStep(rig, { kept: rig.f64([3, 6]) as never }),
  ),
  refusal('expected right apart from u, got an overlap, in admmStep', (rig) => {
    const both = rig.f64([3, 6]);
    admmStep(rig, { right: both, u: both });
  }),
  refusal('expected right apart from b, got an overlap, in admmStep', (rig) => {
    const both = rig.f64([4, 6]);
    admmStep(rig, { right: both.rows(0, 3), b: both.rows(1, 4) });
  }),
  refusal('expected u apart from x, got an overlap, in admmStep', (rig) => {
    const both = rig.f64([5, 6]);
    admmStep(rig, { u: both.rows(2, 5), x: both.rows(0, 3) });
  }),
  refusal('expected u apart from kept, got an overlap, in admmStep', (rig) => {
    // The last 4 bytes of u, which are half an element, and what follows.
    const { storage, offset } = rig.f64([6, 6]);
    const [u, kept] = [new Tensor(storage, 'f64', [3, 6], offset), new Tensor(storage, 'f32', [3, 6], 2 * offset + 35)];
    admmStep(rig, { u, kept });
  }),
  refusal('expected rho above 0 and finite in f32, got 0, in admmStep', (rig) => admmStep(rig, {}, 0)),

  refusal('expected columns of x = 5, got 4, in multiply', (rig) =>
    rig.backend.multiply(rig.result64([2, 3]), rig.f64([2, 4]), rig.f64([3, 5])),
  ),
  refusal('expected columns of y = 3, got 4, in multiply', (rig) =>
    rig.backend.multiply(rig.result64([2, 4]), rig.f64([2, 5]), rig.f64([3, 5])),
  ),
  refusal('expected rows of y = 2, got 1, in multiply', (rig) =>
    rig.backend.multiply(rig.result64([1, 3]), rig.f64([2, 5]), rig.f64([3, 5])),
  ),
  refusal('expected y apart from x, got an overlap, in multiply', (rig) => {
    const both = rig.f64([3, 4]);
    rig.backend.multiply(both.rows(1, 3), both.rows(0, 2), rig.f64([4, 4]));
  }),
  refusal('expected y apart from matrix, got an overlap, in multiply', (rig) => {
    const both = rig.f64([7, 4]);
    rig.backend.multiply(both.rows(0, 4), rig.f64([4, 4]), both.rows(3, 7));
  }),
  refusal('expected y of type f64, got f32, in multiply', (rig) =>
    rig.backend.multiply(rig.result([2, 3]) as never, rig.f64([2, 5]), rig.f64([3, 5])),
  ),
  refusal('expected x of type f64, got f32, in multiply', (rig) =>
    rig.backend.multiply(rig.result64([2, 3]), rig.f32([2, 5]) as never, rig.f64([3, 5])),
  ),
  refusal('expected matrix of type f64, got f32, in multiply', (rig) =>
    rig.backend.multiply(rig.result64([2, 3]), rig.f64([2, 5]), rig.f32([3, 5]) as never),
  ),

  refusal('expected columns of out = 4, got 3, in invert', (rig) => invert(rig, { columns: 4, rows: 4 })),
  refusal('expected rows of matrix = 3, got 2, in invert', (rig) =>
    rig.backend.invert(rig.result64([2, 3]), rig.f64([2, 3]), 0, 'whole'),
  ),
  refusal('expected matrix of type f64, got f32, in invert', (rig) =>
    rig.backend.invert(rig.result64([2, 2]), rig.f32([2, 2]) as never, 0, 'whole'),
  ),
  refusal('expected out of type f64, got f32, in invert', (rig) =>
    rig.backend.invert(rig.result([2, 2]) as never, rig.f64([2, 2]), 0, 'whole'),
  ),
  refusal('expected ridge at least 0 and finite in f32, got -1, in invert', (rig) => invert(rig, { ridge: -1 })),
  refusal('expected ridge at least 0 and finite in f32, got NaN, in invert', (rig) =>
    invert(rig, { ridge: Number.NaN }),
  ),
  refusal('expected a form of whole, factor, got lower, in invert', (rig) => invert(rig, { form: 'lower' })),

  refusal('expected columns of factor = 6, got 5, in eliminateColumns', (rig) =>
    rig.backend.eliminateColumns(rig.f32([2, 6]), rig.f32([6, 5]), 0, 6, { kind: 'layer', rank: 0 }),
  ),
  refusal('expected rows of factor = 6, got 5, in eliminateColumns', (rig) =>
    rig.backend.eliminateColumns(rig.f32([2, 6]), rig.f32([5, 6]), 0, 6, { kind: 'layer', rank: 0 }),
  ),
  refusal('expected weight apart from factor, got an overlap, in eliminateColumns', (rig) => {
    const both = rig.f32([6, 6]);
    rig.backend.eliminateColumns(both.rows(0, 2), both, 0, 6, { kind: 'layer', rank: 0 });
  }),
  refusal('expected from whole and within 0..5, got 6, in eliminateColumns', (rig) =>
    eliminate(rig, 6, 6, { kind: 'layer', rank: 0 }),
  ),
  refusal('expected to whole and within 3..6, got 7, in eliminateColumns', (rig) =>
    eliminate(rig, 2, 7, { kind: 'layer', rank: 0 }),
  ),
  refusal('expected rank whole and within 0..7, got 8, in eliminateColumns', (rig) =>
    eliminate(rig, 2, 6, { kind: 'layer', rank: 8 }),
  ),
  refusal('expected prune whole and within 0..8, got 9, in eliminateColumns', (rig) =>
    eliminate(rig, 2, 6, { kind: 'count', prune: 9 }),
  ),
  refusal('expected n whole and within 0..2, got 3, in eliminateColumns', (rig) =>
    eliminate(rig, 2, 6, { kind: 'n:m', n: 3, m: 2 }),
  ),
  refusal('expected m whole and within 1..64, got 0, in eliminateColumns', (rig) =>
    eliminate(rig, 2, 6, { kind: 'n:m', n: 0, m: 0 }),
  ),
  refusal('expected from a multiple of 4, got 2, in eliminateColumns', (rig) =>
    eliminate(rig, 2, 6, { kind: 'n:m', n: 1, m: 4 }),
  ),
  refusal('expected to a multiple of 4, got 6, in eliminateColumns', (rig) =>
    eliminate(rig, 0, 6, { kind: 'n:m', n: 1, m: 4 }),
  ),
];
