// SparseGPT's elimination of a block of columns. Rows are independent: a workgroup takes one through at most 128 columns,
// which it keeps in workgroup memory, and leaves the errors that it made; what lies right of them loses these times the
// factor's rows in a product of its own. So a block of any width goes in steps.

import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import type { BlockSelection } from '../backend.js';
import type { Gpu } from './gpu.js';
import type { Kernel } from './kernel.js';
import { select } from './selection.js';

/** Columns of a step, at most. */
const WIDTH = 128;
const LANES = 64;

/** The bits of w²/U_cc². */
const score = /* wgsl */ `
fn score(w: u32, u: u32) -> u32 {
  let size = w & 0x7fffffffu;
  let pivot = u & 0x7fffffffu;
  return f32_div(f32_mul(size, size), f32_mul(pivot, pivot));
}`;

const scoreKernel: Kernel = {
  name: 'score columns',
  operands: [
    { name: 's', type: 'u32', writes: true },
    { name: 'w', type: 'u32' },
    { name: 'u', type: 'u32' },
  ],
  params: ['size', 'width', 'columns', 'begin'],
  lanes: 64,
  uses: ['float32'],
  code: /* wgsl */ `
${score}
fn run(group: u32, lane: u32) {
  let i = group * 64 + lane;
  if (i >= p.size) { return; }
  let c = i % p.width;
  put_s(i, score(raw_w((i / p.width) * p.columns + p.begin + c), raw_u(c * p.columns + p.begin + c)));
}`,
};

// \`u\` begins with row \`from\` of the factor. Where \`m\` is 0, the flags say what goes; otherwise groups of m decide it.
const stepKernel: Kernel = {
  name: 'eliminate',
  operands: [
    { name: 'w', type: 'f32', writes: true },
    { name: 'errors', type: 'f32', writes: true },
    { name: 'u', type: 'f32' },
    { name: 'gone', type: 'u32' },
  ],
  params: ['columns', 'begin', 'width', 'n', 'm', 'stride', 'first'],
  lanes: LANES,
  uses: ['float32'],
  code: /* wgsl */ `
${score}
var<workgroup> row: array<f32, ${WIDTH}>;
var<workgroup> scores: array<u32, 64>;
var<workgroup> goes: array<u32, ${WIDTH}>;
fn run(group: u32, lane: u32) {
  let at = group * p.columns + p.begin;
  for (var c = lane; c < p.width; c += ${LANES}) {
    row[c] = get_w(at + c);
    goes[c] = 0;
    if (p.m == 0) { goes[c] = raw_gone(group * p.stride + p.first + c); }
  }
  workgroupBarrier();
  for (var c = 0u; c < p.width; c++) {
    if (p.m > 0 && c % p.m == 0) {
      if (lane < p.m) { scores[lane] = score(bitcast<u32>(row[c + lane]), raw_u((c + lane) * p.columns + p.begin + c + lane)); }
      workgroupBarrier();
      if (lane < p.m) {
        var rank = 0u;
        for (var b = 0u; b < p.m; b++) { rank += u32(scores[b] < scores[lane] || (scores[b] == scores[lane] && b < lane)); }
        goes[c + lane] = u32(rank < p.n);
      }
      workgroupBarrier();
    }
    var error = 0.0;
    if (goes[c] == 1) {
      error = row[c] / get_u(c * p.columns + p.begin + c);
      for (var j = c + 1 + lane; j < p.width; j += ${LANES}) { row[j] -= error * get_u(c * p.columns + p.begin + j); }
    }
    if (lane == 0) { set_errors(group * ${WIDTH} + c, error); }
    workgroupBarrier();
  }
  for (var c = lane; c < p.width; c += ${LANES}) {
    if (goes[c] == 1) { put_w(at + c, 0); } else { set_w(at + c, row[c]); }
  }
}`,
};

const EDGE = 16;

const restKernel: Kernel = {
  name: 'eliminate beyond',
  operands: [
    { name: 'w', type: 'f32', writes: true },
    { name: 'errors', type: 'f32' },
    { name: 'u', type: 'f32' },
  ],
  params: ['rows', 'columns', 'end', 'width'],
  lanes: EDGE * EDGE,
  code: /* wgsl */ `
var<workgroup> es: array<f32, ${EDGE * EDGE}>;
var<workgroup> us: array<f32, ${EDGE * EDGE}>;
fn run(group: u32, lane: u32) {
  let across = (p.columns - p.end + ${EDGE - 1}) / ${EDGE};
  let a = lane / ${EDGE};
  let b = lane % ${EDGE};
  let r = (group / across) * ${EDGE} + a;
  let j = p.end + (group % across) * ${EDGE} + b;
  let inside = r < p.rows && j < p.columns;
  var w = 0.0;
  if (inside) { w = get_w(r * p.columns + j); }
  for (var c0 = 0u; c0 < p.width; c0 += ${EDGE}) {
    var e = 0.0;
    var u = 0.0;
    if (r < p.rows && c0 + b < p.width) { e = get_errors(r * ${WIDTH} + c0 + b); }
    if (j < p.columns && c0 + a < p.width) { u = get_u((c0 + a) * p.columns + j); }
    es[a * ${EDGE} + b] = e;
    us[a * ${EDGE} + b] = u;
    workgroupBarrier();
    for (var k = 0u; k < ${EDGE}; k++) {
      let error = es[a * ${EDGE} + k];
      if (error != 0.0) { w -= error * us[k * ${EDGE} + b]; }
    }
    workgroupBarrier();
  }
  if (inside) { set_w(r * p.columns + j, w); }
}`,
};

/** Columns [from, to) of weight[rows, n], in place. */
export function eliminateColumns(
  gpu: Gpu,
  weight: Tensor<'f32'>,
  factor: Tensor<'f32'>,
  from: number,
  to: number,
  selection: BlockSelection,
): void {
  const { rowCount: rows, columns } = weight;
  const width = to - from;
  const u = factor.reshape(columns, columns);
  if (selection.kind === 'n:m') {
    const { n, m } = selection;
    const step = WIDTH - (WIDTH % m);
    for (let c = from; c < to; c += step) advance(gpu, weight, u, c, Math.min(c + step, to), null, { n, m });
    return;
  }
  gpu.withScratch('i32', [rows, width], (gone) => {
    const pieces = [...gpu.pieces(rows, [weight, gone])];
    for (const [r0, r1] of pieces) {
      const size = (r1 - r0) * width;
      const operands = [rowsOf(gone, rows, r0, r1), rowsOf(weight, rows, r0, r1), u.rows(from, to)];
      gpu.run(scoreKernel, operands, { size, width, columns, begin: from }, Math.ceil(size / 64));
    }
    select(gpu, gone, selection);
    for (let c = from; c < to; c += WIDTH)
      advance(gpu, weight, u, c, Math.min(c + WIDTH, to), gone, { n: 0, m: 0, stride: width, first: c - from });
  });
}

/** A step: the columns [from, to), and what they cost the columns beyond. */
function advance(
  gpu: Gpu,
  weight: Tensor<'f32'>,
  factor: Tensor<'f32'>,
  from: number,
  to: number,
  gone: Tensor<'i32'> | null,
  { n, m, stride = 0, first = 0 }: { n: number; m: number; stride?: number; first?: number },
): void {
  const { rowCount: rows, columns } = weight;
  const width = to - from;
  const u = factor.rows(from, to);
  gpu.withScratch('f32', [rows, WIDTH], (errors) => {
    for (const [r0, r1] of gpu.pieces(rows, [weight, errors, gone])) {
      const [w, e] = [rowsOf(weight, rows, r0, r1), rowsOf(errors, rows, r0, r1)];
      const flags = gone && rowsOf(gone, rows, r0, r1);
      gpu.run(stepKernel, [w, e, u, flags], { columns, begin: from, width, n, m, stride, first }, r1 - r0);
      const groups = Math.ceil((r1 - r0) / EDGE) * Math.ceil((columns - to) / EDGE);
      gpu.run(restKernel, [w, e, u], { rows: r1 - r0, columns, end: to, width }, groups);
    }
  });
}
