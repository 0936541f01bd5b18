// The measures: column sums in f64, the products of inputs in f64 sums of f32 sums, log-probabilities.

import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import type { Gpu } from './gpu.js';
import type { Kernel } from './kernel.js';
import { largest, total } from './wgsl/reductions.js';

/** Columns of a workgroup, and its lanes for each: an addition of f64 is slow, and each waits for the one before it. */
const COLUMNS = 8;
const SHARE = 32;

const columnsOf = (name: string, summand: string): Kernel => ({
  name,
  operands: [
    { name: 'sums', type: 'f64', writes: true },
    { name: 'x', type: 'f32' },
  ],
  params: ['columns', 'rows'],
  lanes: COLUMNS * SHARE,
  uses: ['float64'],
  code: /* wgsl */ `
var<workgroup> parts: array<vec2u, ${COLUMNS * SHARE}>;
fn run(group: u32, lane: u32) {
  let c = group * ${COLUMNS} + lane % ${COLUMNS};
  var sum = vec2u(0);
  if (c < p.columns) {
    for (var r = lane / ${COLUMNS}; r < p.rows; r += ${SHARE}) {
      let x = f64_of(raw_x(r * p.columns + c));
      sum = f64_add(sum, ${summand});
    }
  }
  parts[lane] = sum;
  workgroupBarrier();
  if (lane < ${COLUMNS} && c < p.columns) {
    for (var i = 1u; i < min(${SHARE}u, p.rows); i++) { sum = f64_add(sum, parts[i * ${COLUMNS} + lane]); }
    set_sums(c, f64_add(get_sums(c), sum));
  }
}`,
});

const columnKernels = {
  squares: columnsOf('addColumnSquares', 'f64_mul(x, x)'),
  sums: columnsOf('addColumnSums', 'x'),
};

/** sums[n] += Σ over the rows of x² or x. */
export function addColumns(gpu: Gpu, what: keyof typeof columnKernels, sums: Tensor<'f64'>, x: Tensor<'f32'>): void {
  const { rowCount, columns } = x;
  for (const [from, to] of gpu.pieces(rowCount, [x])) {
    const xs = rowsOf(x, rowCount, from, to);
    gpu.run(columnKernels[what], [sums, xs], { columns, rows: to - from }, Math.ceil(columns / COLUMNS));
  }
}

/** Tokens that are summed in f32. */
const TOKENS = 128;
/** Tokens of a tile, and its columns. */
const DEPTH = 16;
const EDGE = 64;
const four = [0, 1, 2, 3];
const cells = four.flatMap((i) => four.map((j) => [i, j]));

// The sum for an entry and for its mirror image takes the same products in the same order. Of a product of a matrix with
// itself, tiles below the diagonal are left out and those above it added twice.
const productsKernel: Kernel = {
  name: 'addCross',
  operands: [
    { name: 'out', type: 'f64', writes: true },
    { name: 'a', type: 'f32' },
    { name: 'b', type: 'f32' },
  ],
  params: ['m', 'n', 'rows', 'first', 'height', 'cells', 'mirrored'],
  lanes: 256,
  uses: ['float64'],
  code: /* wgsl */ `
var<workgroup> xs: array<f32, ${DEPTH * EDGE}>;
var<workgroup> ys: array<f32, ${DEPTH * EDGE}>;
fn add(i: u32, j: u32, sum: f32) {
  if (i >= p.height || j >= p.n) { return; }
  let at = i * p.n + j;
  set_out(at, f64_add(get_out(at), f64_of(bitcast<u32>(sum))));
}
fn run(group: u32, lane: u32) {
  let across = (p.n + ${EDGE - 1}) / ${EDGE};
  let i0 = (group / across) * ${EDGE};
  let j0 = (group % across) * ${EDGE};
  let ti = lane / 16;
  let tj = lane % 16;
  if (p.mirrored == 1 && j0 < i0) { return; }
  for (var block = 0u; block < p.rows; block += ${TOKENS}) {
    ${cells.map(([i, j]) => `var s${i}_${j} = 0.0;`).join(' ')}
    for (var t0 = block; t0 < min(block + ${TOKENS}, p.rows); t0 += ${DEPTH}) {
      for (var k = 0u; k < 4; k++) {
        let t = t0 + k * 4 + lane / ${EDGE};
        let c = lane % ${EDGE};
        var a = 0.0;
        var b = 0.0;
        if (t < p.rows) {
          if (i0 + c < p.height) { a = get_a(t * p.m + p.first + i0 + c); }
          if (j0 + c < p.n) { b = get_b(t * p.n + j0 + c); }
        }
        xs[(k * 4 + lane / ${EDGE}) * ${EDGE} + c] = a;
        ys[(k * 4 + lane / ${EDGE}) * ${EDGE} + c] = b;
      }
      workgroupBarrier();
      for (var k = 0u; k < ${DEPTH}; k++) {
        ${four.map((i) => `let a${i} = xs[k * ${EDGE} + ti + ${16 * i}]; let b${i} = ys[k * ${EDGE} + tj + ${16 * i}];`).join('\n        ')}
        ${cells.map(([i, j]) => `s${i}_${j} = fma(a${i}, b${j}, s${i}_${j});`).join(' ')}
      }
      workgroupBarrier();
    }
    var sums = array(${cells.map(([i, j]) => `s${i}_${j}`)});
    for (var k = 0u; k < select(p.cells, 2 * p.cells, p.mirrored == 1 && j0 > i0); k++) {
      let i = i0 + ti + 16 * ((k / 4) % 4);
      let j = j0 + tj + 16 * (k % 4);
      add(select(i, j, k >= 16), select(j, i, k >= 16), sums[k % 16]);
    }
  }
}`,
};

/** out[m, n] += a[T, m]ᵀ·b[T, n]. */
export function addCross(gpu: Gpu, out: Tensor<'f64'>, a: Tensor<'f32'>, b: Tensor<'f32'>): void {
  const [m, n, tokens] = [a.columns, b.columns, a.rowCount];
  for (const [t0, t1] of gpu.pieces(tokens, [a, b], TOKENS))
    for (const [first, last] of gpu.pieces(m, [out])) {
      const height = last - first;
      // 16 sums a lane, as a parameter: a compiler that knew it would write out 16 additions in f64.
      const mirrored = Number(a === b && height === m);
      const groups = Math.ceil(height / EDGE) * Math.ceil(n / EDGE);
      const operands = [rowsOf(out, m, first, last), rowsOf(a, tokens, t0, t1), rowsOf(b, tokens, t0, t1)];
      gpu.run(productsKernel, operands, { m, n, rows: t1 - t0, first, height, cells: 16, mirrored }, groups);
    }
}

const LANES = 256;

const logProbabilitiesKernel: Kernel = {
  name: 'logProbabilities',
  operands: [
    { name: 'y', type: 'f32', writes: true },
    { name: 'x', type: 'f32' },
    { name: 'ids', type: 'u32' },
  ],
  params: ['columns'],
  lanes: LANES,
  uses: ['functions'],
  code: /* wgsl */ `
${total(LANES)}
${largest(LANES)}
fn run(group: u32, lane: u32) {
  let row = group * p.columns;
  var top = -3.4028234e38;
  for (var c = lane; c < p.columns; c += ${LANES}) {
    let x = get_x(row + c);
    if (x > top) { top = x; }
  }
  let shift = largest(top, lane);
  var sum = 0.0;
  for (var c = lane; c < p.columns; c += ${LANES}) { sum += exponential(get_x(row + c) - shift); }
  let all = total(sum, lane);
  if (lane == 0) {
    // Where a logit is not finite, the sum is not within 1 … ∞, and the answer is NaN.
    let bits = bitcast<u32>(all);
    if (bits < 0x3f800000u || bits >= 0x7f800000u) {
      put_y(group, 0x7fc00000u);
    } else {
      set_y(group, get_x(row + get_ids(group)) - shift - log(all));
    }
  }
}`,
};

/** out[T] = log softmax(logits[T, V])[targets[T]]. */
export function logProbabilities(gpu: Gpu, out: Tensor<'f32'>, logits: Tensor<'f32'>, targets: Tensor<'i32'>): void {
  const { rowCount, columns } = logits;
  for (const [from, to] of gpu.pieces(rowCount, [logits])) {
    const operands = [out, logits, targets].map((t) => rowsOf<Tensor>(t, rowCount, from, to));
    gpu.run(logProbabilitiesKernel, operands, { columns }, to - from);
  }
}
