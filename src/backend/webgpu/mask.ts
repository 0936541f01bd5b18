// Masks: scores first, then the selection among them (selection.ts), then what stays of the weight.

import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import type { Scores, Selection } from '../backend.js';
import type { Gpu } from './gpu.js';
import type { Kernel } from './kernel.js';
import { select } from './selection.js';

const scoreKernel: Kernel = {
  name: 'score',
  operands: [
    { name: 's', type: 'u32', writes: true },
    { name: 'of', type: 'u32' },
    { name: 'column', type: 'u32' },
    { name: 'row', type: 'u32' },
  ],
  params: ['size', 'columns', 'byColumn', 'byRow'],
  lanes: 256,
  uses: ['float32'],
  code: /* wgsl */ `
fn run(group: u32, lane: u32) {
  let i = group * 256 + lane;
  if (i >= p.size) { return; }
  var score = raw_of(i) & 0x7fffffffu;
  var factor = 0x3f800000u;
  if (p.byColumn == 1) { factor = raw_column(i % p.columns) & 0x7fffffffu; }
  if (p.byRow == 1) {
    let row = raw_row(i / p.columns) & 0x7fffffffu;
    if (p.byColumn == 1) { factor = f32_mul(row, factor); } else { factor = row; }
  }
  if (p.byColumn + p.byRow > 0) { score = f32_mul(score, factor); }
  put_s(i, score);
}`,
};

const applyKernel: Kernel = {
  name: 'mask',
  operands: [
    { name: 'y', type: 'u32', writes: true },
    { name: 'x', type: 'u32' },
    { name: 'gone', type: 'u32' },
  ],
  params: ['size'],
  lanes: 256,
  code: /* wgsl */ `
fn run(group: u32, lane: u32) {
  let i = group * 256 + lane;
  if (i < p.size) { put_y(i, select(raw_x(i), 0u, raw_gone(i) == 1)); }
}`,
};

/** out = weight with the entries that the selection removes set to 0. */
export function mask(
  gpu: Gpu,
  out: Tensor<'f32'>,
  weight: Tensor<'f32'>,
  { of, column, row }: Scores,
  selection: Selection,
): void {
  const { rowCount: rows, columns } = weight;
  gpu.withScratch('i32', [rows, columns], (scores) => {
    const pieces = [...gpu.pieces(rows, [weight, out, of, scores])];
    const params = { columns, byColumn: Number(column !== null), byRow: Number(row !== null) };
    for (const [from, to] of pieces) {
      const size = (to - from) * columns;
      const by = rowsOf(of ?? weight, rows, from, to);
      const operands = [rowsOf(scores, rows, from, to), by, column, row && rowsOf(row, rows, from, to)];
      gpu.run(scoreKernel, operands, { size, ...params }, Math.ceil(size / 256));
    }
    select(gpu, scores, selection);
    for (const [from, to] of pieces) {
      const size = (to - from) * columns;
      const operands = [out, weight, scores].map((t) => rowsOf<Tensor>(t, rows, from, to));
      gpu.run(applyKernel, operands, { size }, Math.ceil(size / 256));
    }
  });
}
