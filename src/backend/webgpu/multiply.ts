// Products of f64 matrices, a tile of 16 × 16 results for a workgroup: the arithmetic of f64 in integers is all that costs.

import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import type { Gpu } from './gpu.js';
import type { Kernel } from './kernel.js';

const EDGE = 16;

const kernel: Kernel = {
  name: 'multiply',
  operands: [
    { name: 'y', type: 'f64', writes: true },
    { name: 'x', type: 'f64' },
    { name: 'w', type: 'f64' },
  ],
  params: ['m', 'rows', 'columns', 'stride', 'first'],
  lanes: EDGE * EDGE,
  uses: ['float64'],
  code: /* wgsl */ `
var<workgroup> xs: array<vec2u, ${EDGE * (EDGE + 1)}>;
var<workgroup> ws: array<vec2u, ${EDGE * (EDGE + 1)}>;
fn run(group: u32, lane: u32) {
  let across = (p.rows + ${EDGE - 1}) / ${EDGE};
  let i0 = (group / across) * ${EDGE};
  let r0 = (group % across) * ${EDGE};
  let a = lane / ${EDGE};
  let b = lane % ${EDGE};
  var sum = vec2u(0);
  for (var c = 0u; c < p.columns; c += ${EDGE}) {
    var x = vec2u(0);
    var w = vec2u(0);
    if (c + b < p.columns) {
      if (i0 + a < p.m) { x = get_x((i0 + a) * p.columns + c + b); }
      if (r0 + a < p.rows) { w = get_w((r0 + a) * p.columns + c + b); }
    }
    xs[a * ${EDGE + 1} + b] = x;
    ws[a * ${EDGE + 1} + b] = w;
    workgroupBarrier();
    let depth = min(${EDGE}u, p.columns - c);
    for (var k = 0u; k < depth; k++) {
      sum = f64_add(sum, f64_mul(xs[a * ${EDGE + 1} + k], ws[b * ${EDGE + 1} + k]));
    }
    workgroupBarrier();
  }
  if (i0 + a < p.m && r0 + b < p.rows) { set_y((i0 + a) * p.stride + p.first + r0 + b, sum); }
}`,
};

/** y[m, rows] = x[m, n] · matrix[rows, n]ᵀ. */
export function multiply(gpu: Gpu, y: Tensor<'f64'>, x: Tensor<'f64'>, matrix: Tensor<'f64'>): void {
  const { rowCount: rows, columns } = matrix;
  const m = x.rowCount;
  for (const [i0, i1] of gpu.pieces(m, [y, x]))
    for (const [r0, r1] of gpu.pieces(rows, [matrix])) {
      const params = { m: i1 - i0, rows: r1 - r0, columns, stride: rows, first: r0 };
      const operands = [rowsOf(y, m, i0, i1), rowsOf(x, m, i0, i1), rowsOf(matrix, rows, r0, r1)];
      gpu.run(kernel, operands, params, Math.ceil((i1 - i0) / EDGE) * Math.ceil((r1 - r0) / EDGE));
    }
}
