// Attention of many queries: tiles of 64 queries and 64 keys, whose scores and then weights are products as in linear.ts. A
// lane has four queries with four keys of the scores, and the same queries with some columns of what comes out.

import type { Kernel } from './kernel.js';
import { ATTENTION_PARAMS, least, queriesOf } from './wgsl/queries.js';

/** Queries and keys of a tile. */
export const EDGE = 64;
/** Widest head: a lane holds its part of the result in registers. */
export const WIDEST = 128;
/** Fours of columns in workgroup memory at a time, and where a row follows another. */
const DEPTH = 4;
const STRIDE = DEPTH + 1;
/** Fours of keys of a row of weights, one more than there are. */
const ROW = EDGE / 4 + 1;
/** Workgroup memory that a kernel takes. */
export const TILE_BYTES = 2 * EDGE * STRIDE * 16 + EDGE * ROW * 16 + (256 + 2 * EDGE) * 4;

const four = [0, 1, 2, 3];
const known: Kernel[] = [];

/** For heads of up to 64·wide columns, a multiple of four. */
export function tilesOf(wide: number): Kernel {
  known[wide] ??= make(wide);
  return known[wide];
}

function make(wide: number): Kernel {
  const units = Array.from({ length: wide }, (_, u) => u);
  const cells = four.flatMap((i) => four.map((j) => [i, j]));
  const results = four.flatMap((i) => units.map((u) => [i, u]));
  const each = (of: (i: number, u: number) => string) => results.map(([i, u]) => of(i, u)).join(' ');
  /** The values of four keys, weighed; a key that a query does not see may have any value. */
  const weigh = (checked: boolean) => `for (var n = 0u; n < ${EDGE / 4}; n++) {
        ${four.map((i) => `let w${i} = weights[(ti + ${16 * i}) * ${ROW} + n];`).join(' ')}
        ${four
          .map(
            (j) => `{
          let at = ((sequence * p.keys + block + min(4 * n + ${j}, last - 1)) * p.kvHeads + kvHead) * width;
          ${units.map((u) => `let v${u} = get_v(at + min(ri + ${16 * u}, width - 1));`).join(' ')}
          ${each((i, u) => `${checked ? `if (!(w${i}[${j}] < 0.0)) { ` : ''}mix${i}_${u} = fma(vec4f(w${i}[${j}]), v${u}, mix${i}_${u});${checked ? ' }' : ''}`)}
        }`,
          )
          .join('\n        ')}
      }`;
  return {
    name: `attention in tiles, ${64 * wide} columns`,
    operands: [
      { name: 'y', type: 'f32x4', writes: true },
      { name: 'q', type: 'f32x4' },
      { name: 'k', type: 'f32x4' },
      { name: 'v', type: 'f32x4' },
    ],
    params: ATTENTION_PARAMS,
    lanes: 256,
    uses: ['functions'],
    code: /* wgsl */ `
${least}
var<workgroup> qs: array<vec4f, ${EDGE * STRIDE}>;
/** Key 4·a + b is row 16·b + a, so that neighbours meet other memory banks. */
var<workgroup> ks: array<vec4f, ${EDGE * STRIDE}>;
/** Scores of four keys each, then their weights; −1 for a key that a query does not see. */
var<workgroup> weights: array<vec4f, ${EDGE * ROW}>;
var<workgroup> parts: array<f32, 256>;
var<workgroup> shrinks: array<f32, ${EDGE}>;
var<workgroup> totals: array<f32, ${EDGE}>;

fn run(group: u32, lane: u32) {
  ${queriesOf(EDGE)}
  let width = p.headDim / 4;
  let ti = lane / 16;
  let ri = lane % 16;
  let own = lane / 4;
  let position = p.keys - p.queries + first;
  var begin = 0u;
  if (position + 1 > p.window) { begin = position + 1 - p.window; }
  let end = position + count;
  var shift = LEAST;
  var total = 0.0;
  ${each((i, u) => `var mix${i}_${u} = vec4f();`)}
  for (var block = begin - begin % ${EDGE}; block < end; block += ${EDGE}) {
    let last = min(${EDGE}u, end - block);
    /** Whether every query sees every key. */
    let full = count == ${EDGE} && block + ${EDGE - 1} <= position && block + p.window > position + ${EDGE - 1};
    ${cells.map(([i, j]) => `var s${i}_${j} = 0.0;`).join(' ')}
    for (var c0 = 0u; c0 < width; c0 += ${DEPTH}) {
      let c = c0 + lane % ${DEPTH};
      let row = lane / ${DEPTH};
      var q = vec4f();
      var k = vec4f();
      if (c < width) {
        if (row < count) { q = get_q(((sequence * p.queries + first + row) * p.heads + head) * width + c) * p.f_scale; }
        if (row < last) { k = get_k(((sequence * p.keys + block + row) * p.kvHeads + kvHead) * width + c); }
      }
      qs[row * ${STRIDE} + lane % ${DEPTH}] = q;
      ks[(16 * (row % 4) + row / 4) * ${STRIDE} + lane % ${DEPTH}] = k;
      workgroupBarrier();
      for (var n = 0u; n < ${DEPTH}; n++) {
        ${four.map((i) => `let q${i} = qs[(ti + ${16 * i}) * ${STRIDE} + n]; let k${i} = ks[(ri + ${16 * i}) * ${STRIDE} + n];`).join('\n        ')}
        ${cells
          .map(
            ([i, j]) =>
              `s${i}_${j} = fma(q${i}.w, k${j}.w, fma(q${i}.z, k${j}.z, fma(q${i}.y, k${j}.y, fma(q${i}.x, k${j}.x, s${i}_${j}))));`,
          )
          .join('\n        ')}
      }
      workgroupBarrier();
    }
    ${four.map((i) => `weights[(ti + ${16 * i}) * ${ROW} + ri] = vec4f(${four.map((j) => `s${i}_${j}`).join(', ')});`).join('\n    ')}
    workgroupBarrier();
    var top = LEAST;
    var scores: array<vec4f, 4>;
    for (var n = 0u; n < 4; n++) {
      scores[n] = weights[own * ${ROW} + 4 * (lane % 4) + n];
      for (var j = 0u; j < 4; j++) {
        let key = block + 16 * (lane % 4) + 4 * n + j;
        if (full || (own < count && key <= position + own && key + p.window > position + own)) {
          var score = scores[n][j];
          if (p.f_cap != 0.0) { score = p.f_cap * hyperbolic_tangent(score / p.f_cap); }
          scores[n][j] = score;
          if (score > top) { top = score; }
        }
      }
    }
    parts[lane] = top;
    workgroupBarrier();
    for (var j = 0u; j < 4; j++) { top = max(top, parts[own * 4 + j]); }
    var shrink = 1.0;
    if (top > shift) {
      shrink = exponential(shift - top);
      shift = top;
    }
    workgroupBarrier();
    var sum = 0.0;
    for (var n = 0u; n < 4; n++) {
      for (var j = 0u; j < 4; j++) {
        let key = block + 16 * (lane % 4) + 4 * n + j;
        var weight = -1.0;
        if (full || (own < count && key <= position + own && key + p.window > position + own)) {
          weight = exponential(scores[n][j] - shift);
          sum += weight;
        }
        scores[n][j] = weight;
      }
      weights[own * ${ROW} + 4 * (lane % 4) + n] = scores[n];
    }
    parts[lane] = sum;
    if (lane % 4 == 0) { shrinks[own] = shrink; }
    workgroupBarrier();
    sum = (parts[own * 4] + parts[own * 4 + 1]) + (parts[own * 4 + 2] + parts[own * 4 + 3]);
    total = fma(total, shrink, sum);
    ${four.map((i) => `{ let shrunk = shrinks[ti + ${16 * i}]; ${units.map((u) => `mix${i}_${u} *= shrunk;`).join(' ')} }`).join(' ')}
    if (full) {
      ${weigh(false)}
    } else {
      ${weigh(true)}
    }
    workgroupBarrier();
  }
  if (lane % 4 == 0) { totals[own] = total; }
  workgroupBarrier();
  ${each(
    (i, u) => `if (ti + ${16 * i} < count && ri + ${16 * u} < width) {
    set_y(((sequence * p.queries + first + ti + ${16 * i}) * p.heads + head) * width + ri + ${16 * u}, mix${i}_${u} / totals[ti + ${16 * i}]);
  }`,
  )}
}`,
  };
}
