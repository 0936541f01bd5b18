// Weights of int8 with a scale for each row. Tokens become whole numbers of 16 bits, the products of the two are multiplied
// and added as f32 (linear.ts), and the sums are scaled; f32 holds each product exactly.

import type { Int8Matrix } from '../../tensor/int8-matrix.js';
import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import type { Gpu } from './gpu.js';
import type { Kernel } from './kernel.js';
import { linear } from './linear.js';
import { largest } from './wgsl/reductions.js';

const LANES = 256;
/** Elements of a workgroup of `scaleKernel`. */
const ELEMENTS = 1024;

/** Whole numbers q of x, and the step of each token. One that is not finite has a step that is not. */
const roundKernel: Kernel = {
  name: 'round tokens',
  operands: [
    { name: 'q', type: 'f32', writes: true },
    { name: 'step', type: 'f32', writes: true },
    { name: 'x', type: 'f32' },
  ],
  params: ['columns'],
  lanes: LANES,
  uses: ['float32'],
  code: /* wgsl */ `
${largest(LANES)}
/** x / most · 32767 in f32, to nearest: where the GPU's own quotient, a little off, might go the other way, by one that is not. */
fn whole(x: f32, most: f32) -> f32 {
  let near = x / most * 32767.0;
  let size = abs(near);
  if (abs(fract(size) - 0.5) > size * 0x1p-19) { return round(near); }
  let exact = round(bitcast<f32>(f32_div(bitcast<u32>(abs(x)), bitcast<u32>(most))) * 32767.0);
  return select(exact, -exact, x < 0.0);
}
fn run(group: u32, lane: u32) {
  let row = group * p.columns;
  var most = 0.0;
  var wrong = 0.0;
  for (var c = lane; c < p.columns; c += ${LANES}) {
    most = max(most, abs(get_x(row + c)));
    if ((raw_x(row + c) & 0x7f800000u) == 0x7f800000u) { wrong = 1.0; }
  }
  most = largest(most, lane);
  wrong = largest(wrong, lane);
  for (var c = lane; c < p.columns; c += ${LANES}) {
    set_q(row + c, select(whole(get_x(row + c), most), 0.0, most == 0.0 || wrong > 0.0));
  }
  if (lane == 0) { put_step(group, select(f32_div(bitcast<u32>(most), bitcast<u32>(32767.0)), 0x7fc00000u, wrong > 0.0)); }
}`,
};

/** y · scale of its row · step of its token + bias. */
const scaleKernel: Kernel = {
  name: 'scale rows',
  operands: [
    { name: 'y', type: 'f32', writes: true },
    { name: 'scale', type: 'f32' },
    { name: 'step', type: 'f32' },
    { name: 'b', type: 'f32' },
  ],
  params: ['size', 'rows', 'stepped', 'biased'],
  lanes: 256,
  code: /* wgsl */ `
fn run(group: u32, lane: u32) {
  for (var k = 0u; k < ${ELEMENTS / 256}; k++) {
    let i = group * ${ELEMENTS} + k * 256 + lane;
    if (i >= p.size) { return; }
    let r = i % p.rows;
    var v = get_y(i) * get_scale(r);
    if (p.stepped == 1) { v *= get_step(i / p.rows); }
    if (p.biased == 1) { v += get_b(r); }
    set_y(i, v);
  }
}`,
};

/** out = weight / scale of its row, rounded to whole numbers. */
const wholeKernel: Kernel = {
  name: 'round weights',
  operands: [
    { name: 'out', type: 'f32', writes: true },
    { name: 'w', type: 'f32' },
    { name: 'scale', type: 'f32' },
  ],
  params: ['columns'],
  lanes: LANES,
  code: /* wgsl */ `
fn run(group: u32, lane: u32) {
  for (var c = lane; c < p.columns; c += ${LANES}) {
    let w = get_w(group * p.columns + c);
    set_out(group * p.columns + c, select(round(w / get_scale(group)), 0.0, w == 0.0));
  }
}`,
};

/** y[T, rows] = x[T, columns] · weightᵀ (+ bias[rows]). */
export function int8Linear(
  gpu: Gpu,
  y: Tensor<'f32'>,
  x: Tensor<'f32'>,
  { values, scale, columns }: Int8Matrix,
  bias: Tensor<'f32'> | null,
): void {
  const tokens = x.rowCount;
  gpu.withScratch('f32', [tokens, columns], (whole) =>
    gpu.withScratch('f32', [tokens], (steps) => {
      for (const [from, to] of gpu.pieces(tokens, [x, whole])) {
        const operands = [rowsOf(whole, tokens, from, to), steps.rows(from, to), rowsOf(x, tokens, from, to)];
        gpu.run(roundKernel, operands, { columns }, to - from);
      }
      linear(gpu, y, whole, values, null);
      scaleRows(gpu, y, scale, steps, bias);
    }),
  );
}

/** y[T, rows] = y · scale[rows] (· steps[T]) (+ bias[rows]), in place. */
export function scaleRows(
  gpu: Gpu,
  y: Tensor<'f32'>,
  scale: Tensor<'f32'>,
  steps: Tensor<'f32'> | null,
  bias: Tensor<'f32'> | null,
): void {
  const [tokens, rows] = [y.rowCount, y.columns];
  const flags = { rows, stepped: Number(steps !== null), biased: Number(bias !== null) };
  for (const [from, to] of gpu.pieces(tokens, [y])) {
    const operands = [rowsOf(y, tokens, from, to), scale, steps?.rows(from, to) ?? null, bias];
    const size = (to - from) * rows;
    gpu.run(scaleKernel, operands, { size, ...flags }, Math.ceil(size / ELEMENTS));
  }
}

/** out[rows, columns] = weight / scale[rows], rounded to nearest, half to even. */
export function roundWeights(gpu: Gpu, out: Tensor<'f32'>, weight: Tensor<'f32'>, scale: Tensor<'f32'>): void {
  const { rowCount: rows, columns } = weight;
  for (const [from, to] of gpu.pieces(rows, [out, weight])) {
    const operands = [rowsOf(out, rows, from, to), rowsOf(weight, rows, from, to), scale.rows(from, to)];
    gpu.run(wholeKernel, operands, { columns }, to - from);
  }
}
