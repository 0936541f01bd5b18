// Products with a weight matrix. Few tokens: a workgroup for a few rows of the weight, whose lanes divide the columns
// among them, because reading the weight is all there is to do. Many: tiles of y, whose operands go through workgroup
// memory four columns at a time. Sums are f32, in an order that does not depend on the type of the weight.

import type { DenseMatrix } from '../../tensor/sparse-matrix.js';
import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import type { Gpu } from './gpu.js';
import { type Element, type Kernel, kernelOf } from './kernel.js';
import { fourOf, operandsOf } from './linear-operands.js';
import { bytesOf, type Tile, tiles } from './linear-tiles.js';

/** Up to so many tokens are multiplied without tiles. */
export const FEW_TOKENS = 4;
/** Rows of the weight for a workgroup without tiles. */
const ROWS = 4;
const LANES = 64;
/** Tiles that take turns at being worth it, the fastest first: each where there is the memory for it, and enough of them. */
const TILES: readonly Tile[] = [
  { tokens: 8, rows: 8, down: 16, across: 16, depth: 4, buffers: 2 },
  { tokens: 8, rows: 8, down: 16, across: 16, depth: 4, buffers: 1 },
  { tokens: 4, rows: 4, down: 16, across: 16, depth: 8, buffers: 1 },
];
/** So many tiles are enough to keep a large GPU busy; of an H100, which has 132 cores. */
const ENOUGH = 96;
/** What is left. */
const SMALL: Tile = { tokens: 4, rows: 4, down: 8, across: 8, depth: 8, buffers: 1 };

/** Elements of the part of a matrix that is made dense at a time. */
const DENSE = 16 * 2 ** 20;

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** y of up to FEW_TOKENS tokens, ROWS rows for a workgroup. */
function vectors(type: Element, fours: boolean, tokens: number): Kernel {
  return kernelOf(`linear ${tokens} tokens, ${type}${fours ? ' in fours' : ''}`, () => ({
    operands: operandsOf(type, fours),
    params: ['columns', 'rows', 'stride', 'first', 'biased'],
    lanes: LANES,
    code: /* wgsl */ `
${fourOf('x', fours)}
${fourOf('w', fours)}
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

/** Tiles of a product. */
const tilesOf = ({ tokens, rows, down, across }: Tile, of: { tokens: number; rows: number }): number =>
  Math.ceil(of.tokens / (tokens * down)) * Math.ceil(of.rows / (rows * across));

/** Kernels of each type of weights, without fours and with them, by the tokens or the tile. */
const kernels: Partial<Record<Element, [Map<number | Tile, Kernel>, Map<number | Tile, Kernel>]>> = {};

/** The kernel for so many tokens, or of a tile; finding it again makes no string. */
function kept(type: Element, fours: boolean, tile: number | Tile): Kernel {
  kernels[type] ??= [new Map(), new Map()];
  const same = kernels[type][Number(fours)];
  const known = same.get(tile);
  if (known) return known;
  const made = typeof tile === 'number' ? vectors(type, fours, tile) : tiles(type, fours, tile);
  same.set(tile, made);
  return made;
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
  const [from, to] = [x.storage, weight.storage];
  const apart = from !== to && [y.storage, bias?.storage].every((other) => other !== from && other !== to);
  const fours = apart && columns % 4 === 0 && x.offset % 4 === 0 && weight.offset % 4 === 0;
  if (tokens <= FEW_TOKENS) {
    gpu.run(kept(weight.dtype, fours, tokens), operands, params, Math.ceil(rows / ROWS));
    return;
  }
  const { workgroupBytes } = gpu.device;
  const tile = TILES.find((t) => bytesOf(t) <= workgroupBytes && tilesOf(t, params) >= ENOUGH) ?? SMALL;
  gpu.run(kept(weight.dtype, fours, tile), operands, params, tilesOf(tile, params));
}
