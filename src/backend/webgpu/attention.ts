// Causal attention, a block of keys at a time with a running softmax. A workgroup has a few queries of one head; each lane
// scores one key of the block for all of them, then mixes some columns of the values. Few queries have a way of their own
// (attention-parts.ts), and so have many (attention-tiles.ts), where the heads and the device allow it.

import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import type { AttentionShape, KeyDType, KeyTensor } from '../backend.js';
import { attentionInParts, partsOf, scratchOf } from './attention-parts.js';
import { EDGE, TILE_BYTES, tilesOf, WIDEST } from './attention-tiles.js';
import type { Gpu } from './gpu.js';
import type { Kernel } from './kernel.js';
import { ATTENTION_PARAMS, least, queriesOf } from './wgsl/queries.js';

/** Lanes, and keys of a block. */
const KEYS = 64;
/** Queries of a workgroup where there are several; of wide heads half as many. */
const QUERIES = 8;
/** Queries of a sequence up to which their keys are shared out among workgroups. */
const FEW_QUERIES = 8;
/** Queries from which tiles of them are worth it. */
const MANY_QUERIES = 32;

const known = new Map<string, Kernel>();
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** `wide`: columns of a head that a lane mixes; `fours`: queries and keys, these of that dtype, are read four columns at a time. */
function kernelOf(queries: number, wide: number, fours: boolean, dtype: KeyDType): Kernel {
  const name = `attention, ${queries} queries, ${wide} columns, keys of ${dtype}${fours ? ' in fours' : ''}`;
  const found = known.get(name);
  if (found) return found;
  const all = range(queries);
  const columns = range(wide);
  const unit = fours ? 4 : 1;
  const kernel: Kernel = {
    name,
    operands: [
      { name: 'y', type: 'f32', writes: true },
      { name: 'q', type: fours ? 'f32x4' : 'f32' },
      { name: 'k', type: fours ? `${dtype}x4` : dtype },
      { name: 'v', type: dtype },
    ],
    params: ATTENTION_PARAMS,
    lanes: KEYS,
    uses: ['functions'],
    code: /* wgsl */ `
${least}
/** Lanes that weigh the keys of one query. */
const TEAM = ${KEYS / queries}u;
var<workgroup> query: array<${fours ? 'vec4f' : 'f32'}, ${(queries * KEYS * wide) / unit}>;
/** Scores of the keys of a block, then their weights; −1 for a key that a query does not see. */
var<workgroup> weights: array<f32, ${queries * KEYS}>;
var<workgroup> parts: array<f32, ${KEYS}>;
var<workgroup> shrinks: array<f32, ${queries}>;
var<workgroup> totals: array<f32, ${queries}>;

fn run(group: u32, lane: u32) {
  ${queriesOf(queries)}
  let width = p.headDim / ${unit};
  for (var i = lane; i < count * width; i += ${KEYS}) {
    let at = ((sequence * p.queries + first + i / width) * p.heads + head) * width + i % width;
    query[(i / width) * ${(KEYS * wide) / unit} + i % width] = get_q(at) * p.f_scale;
  }
  workgroupBarrier();
  ${all.map((q) => columns.map((d) => `var mix${q}_${d} = 0.0;`).join(' ')).join('\n  ')}
  let own = lane / TEAM;
  let member = lane % TEAM;
  var shift = LEAST;
  var total = 0.0;
  let position = p.keys - p.queries + first;
  var begin = 0u;
  if (position + 1 > p.window) { begin = position + 1 - p.window; }
  let end = position + count;
  for (var block = begin - begin % ${KEYS}; block < end; block += ${KEYS}) {
    let key = block + lane;
    ${all.map((q) => `var score${q} = 0.0;`).join(' ')}
    if (key < end) {
      let at = ((sequence * p.keys + key) * p.kvHeads + kvHead) * p.headDim;
      ${
        fours
          ? `for (var d = 0u; d < p.headDim; d += 4) {
        let k = get_k((at + d) / 4);
        ${all.map((q) => `score${q} += dot(query[${(q * KEYS * wide) / 4} + d / 4], k);`).join(' ')}
      }`
          : `for (var d = 0u; d < p.headDim; d++) {
        let k = get_k(at + d);
        ${all.map((q) => `score${q} = fma(query[${q * KEYS * wide} + d], k, score${q});`).join(' ')}
      }`
      }
    }
    ${all.map((q) => `weights[${q * KEYS} + lane] = score${q};`).join(' ')}
    workgroupBarrier();
    var top = LEAST;
    for (var j = member; j < ${KEYS}; j += TEAM) {
      if (own < count && block + j <= position + own && block + j + p.window > position + own) {
        var score = weights[own * ${KEYS} + j];
        if (p.f_cap != 0.0) {
          score = p.f_cap * hyperbolic_tangent(score / p.f_cap);
          weights[own * ${KEYS} + j] = score;
        }
        if (score > top) { top = score; }
      }
    }
    parts[lane] = top;
    workgroupBarrier();
    for (var j = 0u; j < TEAM; j++) { top = max(top, parts[own * TEAM + j]); }
    var shrink = 1.0;
    if (top > shift) {
      shrink = exponential(shift - top);
      shift = top;
    }
    workgroupBarrier();
    var sum = 0.0;
    for (var j = member; j < ${KEYS}; j += TEAM) {
      var weight = -1.0;
      if (own < count && block + j <= position + own && block + j + p.window > position + own) {
        weight = exponential(weights[own * ${KEYS} + j] - shift);
        sum += weight;
      }
      weights[own * ${KEYS} + j] = weight;
    }
    parts[lane] = sum;
    if (member == 0) { shrinks[own] = shrink; }
    workgroupBarrier();
    sum = 0.0;
    for (var j = 0u; j < TEAM; j++) { sum += parts[own * TEAM + j]; }
    total = fma(total, shrink, sum);
    ${all.map((q) => `{ let shrunk = shrinks[${q}]; ${columns.map((d) => `mix${q}_${d} *= shrunk;`).join(' ')} }`).join(' ')}
    let last = min(${KEYS}u, end - block);
    for (var j = 0u; j < last; j++) {
      let at = ((sequence * p.keys + block + j) * p.kvHeads + kvHead) * p.headDim + lane;
      ${columns.map((d) => `var v${d} = 0.0; if (lane + ${d * KEYS} < p.headDim) { v${d} = get_v(at + ${d * KEYS}); }`).join('\n      ')}
      ${all
        .map(
          (q) =>
            `{ let w = weights[${q * KEYS} + j]; if (!(w < 0.0)) { ${columns.map((d) => `mix${q}_${d} = fma(w, v${d}, mix${q}_${d});`).join(' ')} } }`,
        )
        .join('\n      ')}
    }
    workgroupBarrier();
  }
  if (member == 0) { totals[own] = total; }
  workgroupBarrier();
  ${all
    .map(
      (q) => `if (${q}u < count) {
    let at = ((sequence * p.queries + first + ${q}) * p.heads + head) * p.headDim + lane;
    ${columns.map((d) => `if (lane + ${d * KEYS} < p.headDim) { set_y(at + ${d * KEYS}, mix${q}_${d} / totals[${q}]); }`).join(' ')}
  }`,
    )
    .join('\n  ')}
}`,
  };
  known.set(name, kernel);
  return kernel;
}

/** y = attention of q, k and v, all as the backend's interface has them. */
export function attention(
  gpu: Gpu,
  y: Tensor<'f32'>,
  q: Tensor<'f32'>,
  k: KeyTensor,
  v: KeyTensor,
  shape: AttentionShape,
): void {
  const { heads, kvHeads, headDim, sequences, queries, keys, scale, softcap } = shape;
  const window = Math.min(shape.window ?? keys, keys);
  const wide = Math.ceil(headDim / KEYS);
  const each = queries === 1 ? 1 : wide > 2 ? QUERIES / 2 : QUERIES;
  const fours =
    headDim % 4 === 0 &&
    q.offset % 4 === 0 &&
    k.offset % 4 === 0 &&
    new Set([y, q, k, v].map(({ storage }) => storage)).size === 4;
  const allFours = fours && y.offset % 4 === 0 && v.offset % 4 === 0;
  const few = queries <= FEW_QUERIES && partsOf(shape).parts > 1 && 4 * scratchOf(shape) <= gpu.device.bindingBytes;
  if (few && [y, q, k, v].every((tensor) => gpu.fits(tensor))) {
    attentionInParts(gpu, y, q, k, v, shape, allFours);
    return;
  }
  const params = { heads, kvHeads, headDim, queries, keys, f_scale: scale, window, f_cap: softcap ?? 0 };
  const many = allFours && queries >= MANY_QUERIES && headDim <= WIDEST && gpu.device.workgroupBytes >= TILE_BYTES;
  const kernel = many ? tilesOf(Math.ceil(headDim / 64), k.dtype) : kernelOf(each, wide, fours, k.dtype);
  const groups = heads * Math.ceil(queries / (many ? EDGE : each));
  for (const [from, to] of gpu.pieces(sequences, [y, q, k, v])) {
    const [ys, qs, ks, vs] = [y, q, k, v].map((tensor) => rowsOf(tensor, sequences, from, to));
    gpu.run(kernel, [ys, qs, ks, vs], params, (to - from) * groups);
  }
}
