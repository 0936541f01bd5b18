// Matrices by columns, values [columns, rows]. A few tokens meet them as they are, and what meets only zeros is not read; for
// many, rows of the matrix are turned into f32, a part at a time, and multiplied as such.

import type { ColumnMatrix } from '../../tensor/column-matrix.js';
import type { DenseMatrix } from '../../tensor/sparse-matrix.js';
import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import type { Gpu } from './gpu.js';
import { type Element, type Kernel, kernelOf } from './kernel.js';
import { FEW_TOKENS, linear, rowsMadeDense } from './linear.js';

/** Rows of a workgroup, and parts into which it divides the columns; the edge of a tile that is turned. */
const EDGE = 16;

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** y of up to FEW_TOKENS tokens: each lane has one row and every EDGE-th column. */
function vectors(type: Element, tokens: number): Kernel {
  return kernelOf(`linear by columns ${tokens} tokens, ${type}`, () => ({
    operands: [
      { name: 'y', type: 'f32', writes: true },
      { name: 'x', type: 'f32' },
      { name: 'w', type },
      { name: 'b', type: 'f32' },
    ],
    params: ['columns', 'rows', 'biased'],
    lanes: EDGE * EDGE,
    code: /* wgsl */ `
var<workgroup> sums: array<f32, ${EDGE * EDGE * tokens}>;
fn run(group: u32, lane: u32) {
  let r = min(group * ${EDGE} + lane % ${EDGE}, p.rows - 1);
  ${range(tokens)
    .map((t) => `var s${t} = 0.0;`)
    .join(' ')}
  for (var c = lane / ${EDGE}; c < p.columns; c += ${EDGE}) {
    let bits = ${range(tokens)
      .map((t) => `raw_x(${t} * p.columns + c)`)
      .join(' | ')};
    if ((bits & 0x7fffffffu) != 0) {
      let w = get_w(c * p.rows + r);
      ${range(tokens)
        .map((t) => `s${t} = fma(w, get_x(${t} * p.columns + c), s${t});`)
        .join(' ')}
    }
  }
  ${range(tokens)
    .map((t) => `sums[${t * EDGE * EDGE} + lane] = s${t};`)
    .join(' ')}
  workgroupBarrier();
  let row = group * ${EDGE} + lane % ${EDGE};
  let token = lane / ${EDGE};
  if (token < ${tokens} && row < p.rows) {
    var sum = 0.0;
    for (var i = 0u; i < ${EDGE}; i++) { sum += sums[token * ${EDGE * EDGE} + i * ${EDGE} + lane % ${EDGE}]; }
    if (p.biased == 1) { sum += get_b(row); }
    set_y(token * p.rows + row, sum);
  }
}`,
  }));
}

/** Into out[count, columns], rows from `first` on: those columns, from `begin` on, that w[part, stride] holds. */
const turn = (type: Element): Kernel =>
  kernelOf(`turn columns, ${type}`, () => ({
    operands: [
      { name: 'out', type: 'f32', writes: true },
      { name: 'w', type },
    ],
    params: ['columns', 'begin', 'part', 'stride', 'first', 'count'],
    lanes: EDGE * EDGE,
    code: /* wgsl */ `
var<workgroup> tile: array<f32, ${EDGE * (EDGE + 1)}>;
fn run(group: u32, lane: u32) {
  let across = (p.part + ${EDGE - 1}) / ${EDGE};
  let r0 = (group / across) * ${EDGE};
  let c0 = (group % across) * ${EDGE};
  let a = lane / ${EDGE};
  let b = lane % ${EDGE};
  if (c0 + a < p.part && r0 + b < p.count) {
    tile[a * ${EDGE + 1} + b] = get_w((c0 + a) * p.stride + p.first + r0 + b);
  }
  workgroupBarrier();
  if (c0 + b < p.part && r0 + a < p.count) {
    set_out((r0 + a) * p.columns + p.begin + c0 + b, tile[b * ${EDGE + 1} + a]);
  }
}`,
  }));

/** y[T, rows] = x[T, columns] · weightᵀ (+ bias[rows]). */
export function columnLinear(
  gpu: Gpu,
  y: Tensor<'f32'>,
  x: Tensor<'f32'>,
  { values, rowCount: rows, columns }: ColumnMatrix,
  bias: Tensor<'f32'> | null,
): void {
  const tokens = x.rowCount;
  if (tokens <= FEW_TOKENS && [y, x, values].every((operand) => gpu.fits(operand))) {
    const params = { columns, rows, biased: Number(bias !== null) };
    gpu.run(vectors(values.dtype, tokens), [y, x, values, bias], params, Math.ceil(rows / EDGE));
    return;
  }
  const step = rowsMadeDense(gpu, columns);
  for (let first = 0; first < rows; first += step) {
    const count = Math.min(step, rows - first);
    const added = bias && rowsOf(bias, rows, first, first + count);
    gpu.withScratch('f32', [count, columns], (dense) => {
      for (const [begin, end] of gpu.pieces(columns, [values])) {
        const operands = [dense, rowsOf(values as Tensor, columns, begin, end) as DenseMatrix];
        const params = { columns, begin, part: end - begin, stride: rows, first, count };
        gpu.run(turn(values.dtype), operands, params, Math.ceil((end - begin) / EDGE) * Math.ceil(count / EDGE));
      }
      linear(gpu, y, x, dense, added, { stride: rows, first });
    });
  }
}
