// The layers between the products: embedding, norms, rotary embedding.

import { Int8Matrix } from '../../tensor/int8-matrix.js';
import type { DenseMatrix, Table } from '../../tensor/sparse-matrix.js';
import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import type { RopeShape } from '../backend.js';
import type { Gpu } from './gpu.js';
import type { Kernel } from './kernel.js';
import { total } from './wgsl/reductions.js';

const embedOf = (type: DenseMatrix['dtype'] | 'i8'): Kernel => ({
  name: `embed ${type}`,
  operands: [
    { name: 'y', type: 'f32', writes: true },
    { name: 'ids', type: 'u32' },
    { name: 'w', type },
    ...(type === 'i8' ? [{ name: 'scale', type: 'f32' } as const] : []),
  ],
  params: ['columns', 'first', 'last'],
  lanes: 64,
  code: /* wgsl */ `
fn run(group: u32, lane: u32) {
  let id = get_ids(group);
  if (id < p.first || id >= p.last) { return; }
  for (var c = lane; c < p.columns; c += 64) {
    let i = (id - p.first) * p.columns + c;
    ${
      type === 'f32'
        ? 'put_y(group * p.columns + c, raw_w(i));'
        : `set_y(group * p.columns + c, get_w(i)${type === 'i8' ? ' * get_scale(id - p.first)' : ''});`
    }
  }
}`,
});

const embedKernels = { f32: embedOf('f32'), bf16: embedOf('bf16'), f16: embedOf('f16'), i8: embedOf('i8') };

/** y[T, n] = table[ids[T], n]; rows of a table larger than a binding come from its pieces. */
export function embed(gpu: Gpu, y: Tensor<'f32'>, ids: Tensor<'i32'>, table: Table): void {
  const tokens = ids.size;
  const [values, scale] = table instanceof Int8Matrix ? [table.values, table.scale] : [table, null];
  for (const [t0, t1] of gpu.pieces(tokens, [y]))
    for (const [first, last] of gpu.pieces(table.rowCount, [values])) {
      const rows = rowsOf(values as Tensor, table.rowCount, first, last);
      const steps = scale ? [scale.rows(first, last)] : [];
      const operands = [rowsOf(y, tokens, t0, t1), ids.reshape(tokens).rows(t0, t1), rows, ...steps];
      gpu.run(embedKernels[values.dtype], operands, { columns: table.columns, first, last }, t1 - t0);
    }
}

const LANES = 128;

const rmsNormKernel: Kernel = {
  name: 'rmsNorm',
  operands: [
    { name: 'y', type: 'f32', writes: true },
    { name: 'x', type: 'f32' },
    { name: 'w', type: 'f32' },
  ],
  params: ['columns', 'weighted', 'f_eps'],
  lanes: LANES,
  code: /* wgsl */ `
${total(LANES)}
fn run(group: u32, lane: u32) {
  let row = group * p.columns;
  var squares = 0.0;
  for (var c = lane; c < p.columns; c += ${LANES}) {
    let x = get_x(row + c);
    squares += x * x;
  }
  let root = sqrt(total(squares, lane) / f32(p.columns) + p.f_eps);
  for (var c = lane; c < p.columns; c += ${LANES}) {
    let x = get_x(row + c) / root;
    if (p.weighted == 1) { set_y(row + c, x * get_w(c)); } else { set_y(row + c, x); }
  }
}`,
};

/** y = x / √(mean(x²) + eps) · weight, row by row. */
export function rmsNorm(gpu: Gpu, y: Tensor<'f32'>, x: Tensor<'f32'>, weight: Tensor<'f32'> | null, eps: number): void {
  const { rowCount, columns } = x;
  const params = { columns, weighted: Number(weight !== null), f_eps: eps };
  for (const [from, to] of gpu.pieces(rowCount, [x, y])) {
    const [ys, xs] = [rowsOf(y, rowCount, from, to), rowsOf(x, rowCount, from, to)];
    gpu.run(rmsNormKernel, [ys, xs, weight], params, to - from);
  }
}

// A mean far from 0 is known only to a part in 10⁷ of it at first; what is left after subtracting it is exact, and its
// mean is the rest of the mean.
const layerNormKernel: Kernel = {
  name: 'layerNorm',
  operands: [
    { name: 'y', type: 'f32', writes: true },
    { name: 'x', type: 'f32' },
    { name: 'w', type: 'f32' },
    { name: 'b', type: 'f32' },
  ],
  params: ['columns', 'weighted', 'biased', 'f_eps'],
  lanes: LANES,
  code: /* wgsl */ `
${total(LANES)}
fn run(group: u32, lane: u32) {
  let row = group * p.columns;
  let n = f32(p.columns);
  var sum = 0.0;
  for (var c = lane; c < p.columns; c += ${LANES}) { sum += get_x(row + c); }
  let mean = total(sum, lane) / n;
  sum = 0.0;
  for (var c = lane; c < p.columns; c += ${LANES}) { sum += get_x(row + c) - mean; }
  let rest = total(sum, lane) / n;
  sum = 0.0;
  for (var c = lane; c < p.columns; c += ${LANES}) {
    let d = (get_x(row + c) - mean) - rest;
    sum += d * d;
  }
  let root = sqrt(total(sum, lane) / n + p.f_eps);
  for (var c = lane; c < p.columns; c += ${LANES}) {
    var v = ((get_x(row + c) - mean) - rest) / root;
    if (p.weighted == 1) { v *= get_w(c); }
    if (p.biased == 1) { v += get_b(c); }
    set_y(row + c, v);
  }
}`,
};

/** y = (x − mean) / √(variance + eps) · weight + bias, row by row. */
export function layerNorm(
  gpu: Gpu,
  y: Tensor<'f32'>,
  x: Tensor<'f32'>,
  weight: Tensor<'f32'> | null,
  bias: Tensor<'f32'> | null,
  eps: number,
): void {
  const { rowCount, columns } = x;
  const params = { columns, weighted: Number(weight !== null), biased: Number(bias !== null), f_eps: eps };
  for (const [from, to] of gpu.pieces(rowCount, [x, y])) {
    const [ys, xs] = [rowsOf(y, rowCount, from, to), rowsOf(x, rowCount, from, to)];
    gpu.run(layerNormKernel, [ys, xs, weight, bias], params, to - from);
  }
}

const ropeKernel: Kernel = {
  name: 'rope',
  operands: [
    { name: 'x', type: 'f32', writes: true },
    { name: 'cos', type: 'f32' },
    { name: 'sin', type: 'f32' },
  ],
  params: ['size', 'heads', 'headDim', 'half', 'start', 'period', 'row'],
  lanes: 64,
  code: /* wgsl */ `
fn run(group: u32, lane: u32) {
  let n = group * 64 + lane;
  if (n >= p.size) { return; }
  let i = n % p.half;
  let head = n / p.half;
  let row = head / p.heads;
  let at = head * p.headDim + i;
  let angle = (p.start + (p.row + row) % p.period) * p.half + i;
  let c = get_cos(angle);
  let s = get_sin(angle);
  let a = get_x(at);
  let b = get_x(at + p.half);
  set_x(at, a * c - b * s);
  set_x(at + p.half, b * c + a * s);
}`,
};

/** Turns the first rotaryDim dimensions of each head, in place. */
export function rope(gpu: Gpu, x: Tensor<'f32'>, cos: Tensor<'f32'>, sin: Tensor<'f32'>, shape: RopeShape): void {
  const { heads, headDim, rotaryDim, start, period } = shape;
  const { rowCount } = x;
  for (const [from, to] of gpu.pieces(rowCount, [x])) {
    const size = ((to - from) * heads * rotaryDim) / 2;
    const params = { size, heads, headDim, half: rotaryDim / 2, start, period, row: from };
    gpu.run(ropeKernel, [rowsOf(x, rowCount, from, to), cos, sin], params, Math.ceil(size / 64));
  }
}
