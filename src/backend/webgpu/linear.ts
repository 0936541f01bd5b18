// Products with a weight matrix. Few tokens: a workgroup for a few rows of the weight, whose lanes divide the columns
// among them, because reading the weight is all there is to do. Many: tiles of y, whose operands go through workgroup
// memory four columns at a time. Sums are f32, in an order that does not depend on the type of the weight.

import type { DenseMatrix } from '../../tensor/sparse-matrix.js';
import type { Tensor } from '../../tensor/tensor.js';
import { type Gpu, rowsOf } from './gpu.js';
import type { Element, Kernel } from './kernel.js';

/** Up to so many tokens are multiplied without tiles. */
export const FEW_TOKENS = 4;
/** Rows of the weight for a workgroup without tiles. */
const ROWS = 4;
const LANES = 64;
/** Fours of columns that a tile holds at a time; rows lie one more apart, so that neighbours meet other memory banks. */
const DEPTH = 4;
const STRIDE = DEPTH + 1;
/** Elements of the part of a matrix that is made dense at a time. */
const DENSE = 16 * 2 ** 20;

const known = new Map<string, Kernel>();

/** The kernel of that name, made when first asked for. */
export function kernelOf(name: string, make: () => Omit<Kernel, 'name'>): Kernel {
  const kernel = known.get(name) ?? { name, ...make() };
  known.set(name, kernel);
  return kernel;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

const operandsOf = (type: Element, fours: boolean): Kernel['operands'] => [
  { name: 'y', type: 'f32', writes: true },
  { name: 'x', type: fours ? 'f32x4' : 'f32' },
  { name: 'w', type: fours ? (`${type}x4` as Element) : type },
  { name: 'b', type: 'f32' },
];

/** Four columns of a row of `name`, 0 beyond the last. */
const loadFour = (name: string, fours: boolean) =>
  fours
    ? `fn four_${name}(row: u32, c: u32) -> vec4f { return get_${name}(row * (p.columns / 4) + c / 4); }`
    : `fn four_${name}(row: u32, c: u32) -> vec4f {
  let i = row * p.columns + c;
  var v = vec4f(get_${name}(i), 0.0, 0.0, 0.0);
  if (c + 1 < p.columns) { v.y = get_${name}(i + 1); }
  if (c + 2 < p.columns) { v.z = get_${name}(i + 2); }
  if (c + 3 < p.columns) { v.w = get_${name}(i + 3); }
  return v;
}`;

/** y of up to FEW_TOKENS tokens, ROWS rows for a workgroup. */
function vectors(type: Element, fours: boolean, tokens: number): Kernel {
  return kernelOf(`linear ${tokens} tokens, ${type}${fours ? ' in fours' : ''}`, () => ({
    operands: operandsOf(type, fours),
    params: ['columns', 'rows', 'stride', 'first', 'biased'],
    lanes: LANES,
    code: /* wgsl */ `
${loadFour('x', fours)}
${loadFour('w', fours)}
var<workgroup> sums: array<f32, ${LANES * ROWS * tokens}>;
var<workgroup> parts: array<f32, ${4 * ROWS * tokens}>;
fn run(group: u32, lane: u32) {
  ${range(ROWS * tokens)
    .map((i) => `var s${i} = vec4f(0.0);`)
    .join(' ')}
  let r = group * ${ROWS};
  for (var c = lane * 4; c < p.columns; c += ${4 * LANES}) {
    ${range(tokens)
      .map((t) => `let x${t} = four_x(${t}, c);`)
      .join(' ')}
    ${range(ROWS)
      .map(
        (j) => `let w${j} = four_w(min(r + ${j}, p.rows - 1), c);
    ${range(tokens)
      .map((t) => `s${j * tokens + t} = fma(w${j}, x${t}, s${j * tokens + t});`)
      .join(' ')}`,
      )
      .join('\n    ')}
  }
  ${range(ROWS * tokens)
    .map((i) => `sums[${i * LANES} + lane] = (s${i}.x + s${i}.y) + (s${i}.z + s${i}.w);`)
    .join('\n  ')}
  workgroupBarrier();
  if (lane < ${4 * ROWS * tokens}) {
    var part = 0.0;
    for (var i = 0u; i < ${LANES / 4}; i++) { part += sums[lane * ${LANES / 4} + i]; }
    parts[lane] = part;
  }
  workgroupBarrier();
  if (lane < ${ROWS * tokens}) {
    let row = r + lane / ${tokens};
    if (row < p.rows) {
      var sum = (parts[4 * lane] + parts[4 * lane + 1]) + (parts[4 * lane + 2] + parts[4 * lane + 3]);
      if (p.biased == 1) { sum += get_b(row); }
      set_y((lane % ${tokens}) * p.stride + p.first + row, sum);
    }
  }
}`,
  }));
}

/** Tiles of 16·side tokens and 16·side rows; a lane computes side × side of them. */
function tiles(type: Element, fours: boolean, side: number): Kernel {
  const edge = 16 * side;
  const loads = (edge * DEPTH) / 256;
  const cells = range(side).flatMap((i) => range(side).map((j) => [i, j]));
  return kernelOf(`linear tiles of ${edge}, ${type}${fours ? ' in fours' : ''}`, () => ({
    operands: operandsOf(type, fours),
    params: ['columns', 'rows', 'stride', 'first', 'biased', 'tokens'],
    lanes: 256,
    code: /* wgsl */ `
${loadFour('x', fours)}
${loadFour('w', fours)}
var<workgroup> xs: array<vec4f, ${edge * STRIDE}>;
var<workgroup> ws: array<vec4f, ${edge * STRIDE}>;
fn run(group: u32, lane: u32) {
  let across = (p.rows + ${edge - 1}) / ${edge};
  let t0 = (group / across) * ${edge};
  let r0 = (group % across) * ${edge};
  let ti = lane / 16;
  let ri = lane % 16;
  ${cells.map(([i, j]) => `var s${i}_${j} = 0.0;`).join(' ')}
  for (var c0 = 0u; c0 < p.columns; c0 += ${4 * DEPTH}) {
    ${range(loads)
      .map(
        (k) => `{
      let row = (lane + ${256 * k}) / ${DEPTH};
      let four = (lane + ${256 * k}) % ${DEPTH};
      let c = c0 + 4 * four;
      var x = vec4f(0.0);
      var w = vec4f(0.0);
      if (c < p.columns) {
        if (t0 + row < p.tokens) { x = four_x(t0 + row, c); }
        if (r0 + row < p.rows) { w = four_w(r0 + row, c); }
      }
      xs[row * ${STRIDE} + four] = x;
      ws[row * ${STRIDE} + four] = w;
    }`,
      )
      .join('\n    ')}
    workgroupBarrier();
    for (var k = 0u; k < ${DEPTH}; k++) {
      ${range(side)
        .map(
          (i) => `let x${i} = xs[(ti + ${16 * i}) * ${STRIDE} + k]; let w${i} = ws[(ri + ${16 * i}) * ${STRIDE} + k];`,
        )
        .join('\n      ')}
      ${cells
        .map(
          ([i, j]) =>
            `s${i}_${j} = fma(x${i}.w, w${j}.w, fma(x${i}.z, w${j}.z, fma(x${i}.y, w${j}.y, fma(x${i}.x, w${j}.x, s${i}_${j}))));`,
        )
        .join('\n      ')}
    }
    workgroupBarrier();
  }
  ${range(side)
    .map(
      (j) => `{
    let row = r0 + ri + ${16 * j};
    if (row < p.rows) {
      var bias = 0.0;
      if (p.biased == 1) { bias = get_b(row); }
      ${range(side)
        .map((i) => {
          const sum = `s${i}_${j}`;
          return `if (t0 + ti + ${16 * i} < p.tokens) { set_y((t0 + ti + ${16 * i}) * p.stride + p.first + row, select(${sum}, ${sum} + bias, p.biased == 1)); }`;
        })
        .join('\n      ')}
    }
  }`,
    )
    .join('\n  ')}
}`,
  }));
}

/** y[T, rows] = x[T, columns] · W[rows, columns]ᵀ (+ bias[rows]); y may be columns of a wider matrix, from `first` on. */
export function linear(
  gpu: Gpu,
  y: Tensor<'f32'>,
  x: Tensor<'f32'>,
  weight: DenseMatrix | Tensor<'i8'>,
  bias: Tensor<'f32'> | null,
  { stride, first } = { stride: weight.rowCount, first: 0 },
): void {
  const { rowCount: rows, columns } = weight;
  const tokens = x.rowCount;
  for (const [t0, t1] of gpu.pieces(tokens, [x, y]))
    for (const [r0, r1] of gpu.pieces(rows, [weight], 4))
      multiplied(
        gpu,
        rowsOf(y, tokens, t0, t1),
        rowsOf(x, tokens, t0, t1),
        rowsOf(weight as Tensor, rows, r0, r1) as DenseMatrix | Tensor<'i8'>,
        bias && rowsOf(bias, rows, r0, r1),
        { columns, rows: r1 - r0, stride, first: first + r0, biased: Number(bias !== null), tokens: t1 - t0 },
      );
}

/** Rows that are made dense at a time of a matrix that is held in another form. */
export function rowsMadeDense(gpu: Gpu, columns: number): number {
  return Math.max(1, Math.floor(Math.min(DENSE, gpu.device.bindingBytes / 4 - 128) / columns));
}

function multiplied(
  gpu: Gpu,
  y: Tensor<'f32'>,
  x: Tensor<'f32'>,
  weight: DenseMatrix | Tensor<'i8'>,
  bias: Tensor<'f32'> | null,
  params: Record<'columns' | 'rows' | 'stride' | 'first' | 'biased' | 'tokens', number>,
): void {
  const { columns, rows, tokens } = params;
  const operands = [y, x, weight, bias];
  const apart = new Set(operands.map((o) => o?.storage)).size === operands.length;
  const fours = apart && columns % 4 === 0 && x.offset % 4 === 0 && weight.offset % 4 === 0;
  if (tokens <= FEW_TOKENS) {
    gpu.run(vectors(weight.dtype, fours, tokens), operands, params, Math.ceil(rows / ROWS));
    return;
  }
  const room = gpu.device.workgroupBytes >= 2 * 16 * 8 * STRIDE * 16;
  const side = room && tokens >= 256 && rows >= 512 ? 8 : 4;
  const count = (n: number) => Math.ceil(n / (16 * side));
  gpu.run(tiles(weight.dtype, fours, side), operands, params, count(tokens) * count(rows));
}
