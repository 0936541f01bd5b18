// Attention of many queries: tiles of 64 queries and 64 keys, whose scores and then weights are products as in
// linear-tiles.ts. A lane has eight queries with four keys of the scores, and the same queries with some columns of what
// comes out. Queries, keys and values pass through workgroup memory a step at a time, the next one being read meanwhile.

import type { KeyDType } from '../backend.js';
import { type Kernel, kernelOf } from './kernel.js';
import { ATTENTION_PARAMS, least, queriesOf } from './wgsl/queries.js';

/** Queries and keys of a tile. */
export const EDGE = 64;
/** Widest head: a lane holds its part of the result in registers. */
export const WIDEST = 128;
/** Lanes over the queries and over the keys; the queries and the keys of one lane. */
const [DOWN, ACROSS] = [8, 16];
const LANES = DOWN * ACROSS;
const [QUERIES, KEYS] = [EDGE / DOWN, EDGE / ACROSS];
/** Fours of columns of a step of the scores, and keys of a step of the values. */
const DEPTH = 4;
const STEP = 8;
/** Fours of a lane's row of each array, one more than are used, so that neighbours meet other memory banks. */
const QUERY_ROW = QUERIES * DEPTH + 1;
const KEY_ROW = KEYS * DEPTH + 1;
const WEIGHT_ROW = (QUERIES * STEP) / 4 + 1;
const valueRow = (wide: number) => STEP * wide + 1;
/** Workgroup memory that a kernel takes. */
export const TILE_BYTES =
  16 * (DOWN * QUERY_ROW + ACROSS * KEY_ROW + (EDGE / STEP) * DOWN * WEIGHT_ROW + ACROSS * valueRow(WIDEST / 64)) +
  4 * (LANES + 2 * EDGE);

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** For heads of up to 64·wide columns, a multiple of four, with keys and values of that dtype. */
export function tilesOf(wide: number, dtype: KeyDType): Kernel {
  const queries = range(QUERIES);
  const units = range(wide);
  const cells = queries.flatMap((i) => range(KEYS).map((j) => [i, j]));
  const loads = range((EDGE * DEPTH) / LANES);
  const each = (of: (i: number, u: number) => string) => queries.flatMap((i) => units.map((u) => of(i, u))).join(' ');
  const loadColumns = (c0: string) => `{
      let c = ${c0} + lane % ${DEPTH};
      ${loads.map((k) => `q_${k} = vec4f(); k_${k} = vec4f();`).join(' ')}
      if (c < width) {
        ${loads
          .map((k) => {
            const row = `lane / ${DEPTH} + ${(LANES / DEPTH) * k}`;
            return `q_${k} = get_q(((sequence * p.queries + first + min(${row}, count - 1)) * p.heads + head) * width + c) * p.f_scale;
        k_${k} = get_k(((sequence * p.keys + block + min(${row}, last - 1)) * p.kvHeads + kvHead) * width + c);`;
          })
          .join('\n        ')}
      }
    }`;
  const loadValues = (n: string) => `{
      ${units
        .map((u) => {
          const at = `(lane + ${LANES * u})`;
          return `v_${u} = get_v(((sequence * p.keys + block + min(${n} + ${at} / ${16 * wide}, last - 1)) * p.kvHeads + kvHead) * width + min(${at} % ${16 * wide}, width - 1));`;
        })
        .join('\n      ')}
    }`;
  /** The values of the keys of a step, weighed; a key that a query does not see may have any value. */
  const weigh = (checked: boolean) =>
    range(STEP / 4)
      .map(
        (m) => `{
        ${queries.map((i) => `let w${i} = own_w[${(i * STEP) / 4 + m}];`).join(' ')}
        ${range(4)
          .map(
            (j) => `{
          ${units.map((u) => `let v${u} = own_v[${(4 * m + j) * wide + u}];`).join(' ')}
          ${each((i, u) => `${checked ? `if (!(w${i}[${j}] < 0.0)) { ` : ''}mix${i}_${u} = fma(vec4f(w${i}[${j}]), v${u}, mix${i}_${u});${checked ? ' }' : ''}`)}
        }`,
          )
          .join('\n        ')}
      }`,
      )
      .join('\n      ');
  /** For each four of keys of a lane's half of a row of weights. */
  const fours = (of: (n: number, place: string) => string) =>
    range(EDGE / 8)
      .map((n) =>
        of(
          n,
          `weights[(lane % 2) * ${(EDGE / STEP / 2) * DOWN} + ${Math.floor((4 * n) / STEP) * DOWN} + own % ${DOWN}][(own / ${DOWN}) * ${STEP / 4} + ${n % (STEP / 4)}]`,
        ),
      )
      .join('\n    ');
  return kernelOf(`attention in tiles, ${64 * wide} columns of ${dtype}`, () => ({
    operands: [
      { name: 'y', type: 'f32x4', writes: true },
      { name: 'q', type: 'f32x4' },
      { name: 'k', type: `${dtype}x4` },
      { name: 'v', type: `${dtype}x4` },
    ],
    params: ATTENTION_PARAMS,
    lanes: LANES,
    uses: ['functions'],
    code: /* wgsl */ `
${least}
/** Row a has queries a, a + ${DOWN}, …; of the keys row a has 4·a … 4·a + 3, of the values fours a and a + 16 of columns. */
var<workgroup> qs: array<array<vec4f, ${QUERY_ROW}>, ${DOWN}>;
var<workgroup> ks: array<array<vec4f, ${KEY_ROW}>, ${ACROSS}>;
var<workgroup> vs: array<array<vec4f, ${valueRow(wide)}>, ${ACROSS}>;
/** Scores of four keys each, then their weights, −1 for a key that a query does not see: a row for each step of keys and a. */
var<workgroup> weights: array<array<vec4f, ${WEIGHT_ROW}>, ${(EDGE / STEP) * DOWN}>;
var<workgroup> parts: array<f32, ${LANES}>;
var<workgroup> shrinks: array<f32, ${EDGE}>;
var<workgroup> totals: array<f32, ${EDGE}>;

fn run(group: u32, lane: u32) {
  ${queriesOf(EDGE, true)}
  let width = p.headDim / 4;
  /** 32 lanes are a block of 4 × 8. */
  let ti = (lane / ${4 * ACROSS}) * 4 + (lane % 32) / 8;
  let ri = ((lane / 32) % ${ACROSS / 8}) * 8 + lane % 8;
  let own = lane / 2;
  let position = p.keys - p.queries + first;
  var begin = 0u;
  if (position + 1 > p.window) { begin = position + 1 - p.window; }
  let end = position + count;
  var shift = LEAST;
  var total = 0.0;
  ${each((i, u) => `var mix${i}_${u} = vec4f();`)}
  ${loads.map((k) => `var q_${k}: vec4f; var k_${k}: vec4f;`).join(' ')}
  ${units.map((u) => `var v_${u}: vec4f;`).join(' ')}
  for (var block = begin - begin % ${EDGE}; block < end; block += ${EDGE}) {
    let last = min(${EDGE}u, end - block);
    /** Whether every query sees every key. */
    let full = count == ${EDGE} && block + ${EDGE - 1} <= position && block + p.window > position + ${EDGE - 1};
    ${cells.map(([i, j]) => `var s${i}_${j} = 0.0;`).join(' ')}
    ${loadColumns('0u')}
    for (var c0 = 0u; c0 < width; c0 += ${DEPTH}) {
      ${loads
        .map((k) => {
          const row = `(lane / ${DEPTH} + ${(LANES / DEPTH) * k})`;
          return `qs[${row} % ${DOWN}][(${row} / ${DOWN}) * ${DEPTH} + lane % ${DEPTH}] = q_${k};
      ks[${row} / ${KEYS}][(${row} % ${KEYS}) * ${DEPTH} + lane % ${DEPTH}] = k_${k};`;
        })
        .join('\n      ')}
      workgroupBarrier();
      if (c0 + ${DEPTH} < width) ${loadColumns(`c0 + ${DEPTH}`)} else ${loadValues('0u')}
      let own_q = &qs[ti];
      let own_k = &ks[ri];
      ${range(DEPTH)
        .map(
          (n) => `{
        ${range(KEYS)
          .map((j) => `let k${j} = own_k[${j * DEPTH + n}];`)
          .join(' ')}
        ${queries
          .map(
            (i) => `{
          let q = own_q[${i * DEPTH + n}];
          ${range(KEYS)
            .map(
              (j) =>
                `s${i}_${j} = fma(q.w, k${j}.w, fma(q.z, k${j}.z, fma(q.y, k${j}.y, fma(q.x, k${j}.x, s${i}_${j}))));`,
            )
            .join(' ')}
        }`,
          )
          .join('\n        ')}
      }`,
        )
        .join('\n      ')}
      workgroupBarrier();
    }
    {
      let row = (ri / ${STEP / 4}) * ${DOWN} + ti;
      ${queries
        .map(
          (i) =>
            `weights[row][${(i * STEP) / 4} + ri % ${STEP / 4}] = vec4f(${range(KEYS)
              .map((j) => `s${i}_${j}`)
              .join(', ')});`,
        )
        .join('\n      ')}
    }
    workgroupBarrier();
    var top = LEAST;
    ${range(EDGE / 8)
      .map((n) => `var score${n}: vec4f;`)
      .join(' ')}
    ${fours(
      (n, place) => `score${n} = ${place};
    ${range(4)
      .map(
        (j) => `{
      let key = block + ${EDGE / 2} * (lane % 2) + ${4 * n + j};
      if (full || (own < count && key <= position + own && key + p.window > position + own)) {
        if (p.f_cap != 0.0) { score${n}[${j}] = p.f_cap * hyperbolic_tangent(score${n}[${j}] / p.f_cap); }
        if (score${n}[${j}] > top) { top = score${n}[${j}]; }
      }
    }`,
      )
      .join('\n    ')}`,
    )}
    parts[lane] = top;
    workgroupBarrier();
    top = max(max(top, parts[own * 2]), parts[own * 2 + 1]);
    var shrink = 1.0;
    if (top > shift) {
      shrink = exponential(shift - top);
      shift = top;
    }
    workgroupBarrier();
    var sum = 0.0;
    ${fours(
      (n, place) => `${range(4)
        .map(
          (j) => `{
      let key = block + ${EDGE / 2} * (lane % 2) + ${4 * n + j};
      var weight = -1.0;
      if (full || (own < count && key <= position + own && key + p.window > position + own)) {
        weight = exponential(score${n}[${j}] - shift);
        sum += weight;
      }
      score${n}[${j}] = weight;
    }`,
        )
        .join('\n    ')}
    ${place} = score${n};`,
    )}
    parts[lane] = sum;
    if (lane % 2 == 0) { shrinks[own] = shrink; }
    workgroupBarrier();
    total = fma(total, shrink, parts[own * 2] + parts[own * 2 + 1]);
    ${queries.map((i) => `{ let shrunk = shrinks[ti + ${DOWN * i}]; ${units.map((u) => `mix${i}_${u} *= shrunk;`).join(' ')} }`).join(' ')}
    for (var n = 0u; n < ${EDGE}; n += ${STEP}) {
      ${units
        .map((u) => {
          const at = `(lane + ${LANES * u})`;
          return `vs[${at} % 16][(${at} / ${16 * wide}) * ${wide} + (${at} / 16) % ${wide}] = v_${u};`;
        })
        .join(' ')}
      workgroupBarrier();
      if (n + ${STEP} < ${EDGE}) ${loadValues(`n + ${STEP}`)}
      let own_w = &weights[n / ${STEP} * ${DOWN} + ti];
      let own_v = &vs[ri];
      if (full) {
      ${weigh(false)}
      } else {
      ${weigh(true)}
      }
      workgroupBarrier();
    }
  }
  if (lane % 2 == 0) { totals[own] = total; }
  workgroupBarrier();
  ${each(
    (i, u) => `if (ti + ${DOWN * i} < count && ri + ${16 * u} < width) {
    set_y(((sequence * p.queries + first + ti + ${DOWN * i}) * p.heads + head) * width + ri + ${16 * u}, mix${i}_${u} / totals[ti + ${DOWN * i}]);
  }`,
  )}
}`,
  }));
}
