// Causal attention, a block of keys at a time with a running softmax. A workgroup has a few queries of one head; each lane
// scores one key of the block for all of them, then mixes some columns of the values.

import type { Tensor } from '../../tensor/tensor.js';
import type { AttentionShape } from '../backend.js';
import type { Gpu } from './gpu.js';
import type { Kernel } from './kernel.js';
import { largest, total } from './wgsl/reductions.js';

/** Lanes, and keys of a block. */
const KEYS = 64;
/** Queries of a workgroup where there are several. */
const QUERIES = 8;

const known = new Map<string, Kernel>();
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** `wide`: columns of a head that a lane mixes. */
function kernelOf(queries: number, wide: number): Kernel {
  const name = `attention, ${queries} queries, ${wide} columns`;
  const found = known.get(name);
  if (found) return found;
  const all = range(queries);
  const columns = range(wide);
  const kernel: Kernel = {
    name,
    operands: [
      { name: 'y', type: 'f32', writes: true },
      { name: 'q', type: 'f32' },
      { name: 'k', type: 'f32' },
      { name: 'v', type: 'f32' },
    ],
    params: ['heads', 'kvHeads', 'headDim', 'queries', 'keys', 'f_scale', 'window', 'f_cap'],
    lanes: KEYS,
    uses: ['functions'],
    code: /* wgsl */ `
${total(KEYS)}
${largest(KEYS)}
/** Below every score. */
const LEAST = -3.4028234e38;
var<workgroup> query: array<f32, ${queries * KEYS * wide}>;
/** Weights of the keys of a block; −1 for a key that a query does not see. */
var<workgroup> weights: array<f32, ${queries * KEYS}>;

fn run(group: u32, lane: u32) {
  let blocks = (p.queries + ${queries - 1}) / ${queries};
  let first = (group % blocks) * ${queries};
  let head = (group / blocks) % p.heads;
  let sequence = group / blocks / p.heads;
  let kvHead = head * p.kvHeads / p.heads;
  let count = min(${queries}u, p.queries - first);
  for (var q = 0u; q < count; q++) {
    for (var d = lane; d < p.headDim; d += ${KEYS}) {
      query[q * ${KEYS * wide} + d] = get_q(((sequence * p.queries + first + q) * p.heads + head) * p.headDim + d) * p.f_scale;
    }
  }
  workgroupBarrier();
  ${all.map((q) => `var shift${q} = LEAST; var total${q} = 0.0; ${columns.map((d) => `var mix${q}_${d} = 0.0;`).join(' ')}`).join('\n  ')}
  let position = p.keys - p.queries + first;
  var begin = 0u;
  if (position + 1 > p.window) { begin = position + 1 - p.window; }
  let end = position + count;
  for (var block = begin - begin % ${KEYS}; block < end; block += ${KEYS}) {
    let key = block + lane;
    ${all.map((q) => `var score${q} = 0.0;`).join(' ')}
    if (key < end) {
      let at = ((sequence * p.keys + key) * p.kvHeads + kvHead) * p.headDim;
      for (var d = 0u; d < p.headDim; d++) {
        let k = get_k(at + d);
        ${all.map((q) => `score${q} = fma(query[${q * KEYS * wide} + d], k, score${q});`).join(' ')}
      }
    }
    ${all
      .map(
        (q) => `{
      let seen = ${q}u < count && key <= position + ${q} && key + p.window > position + ${q};
      var score = score${q};
      if (p.f_cap != 0.0) { score = p.f_cap * hyperbolic_tangent(score / p.f_cap); }
      let top = largest(select(LEAST, score, seen), lane);
      var shrink = 1.0;
      if (top > shift${q}) {
        shrink = exponential(shift${q} - top);
        shift${q} = top;
      }
      var weight = 0.0;
      if (seen) { weight = exponential(score - shift${q}); }
      weights[${q * KEYS} + lane] = select(-1.0, weight, seen);
      total${q} = fma(total${q}, shrink, total(weight, lane));
      ${columns.map((d) => `mix${q}_${d} *= shrink;`).join(' ')}
    }`,
      )
      .join('\n    ')}
    workgroupBarrier();
    let last = min(${KEYS}u, end - block);
    for (var j = 0u; j < last; j++) {
      let at = ((sequence * p.keys + block + j) * p.kvHeads + kvHead) * p.headDim;
      ${columns.map((d) => `var v${d} = 0.0; if (lane + ${d * KEYS} < p.headDim) { v${d} = get_v(at + lane + ${d * KEYS}); }`).join('\n      ')}
      ${all
        .map(
          (q) =>
            `{ let w = weights[${q * KEYS} + j]; if (!(w < 0.0)) { ${columns.map((d) => `mix${q}_${d} = fma(w, v${d}, mix${q}_${d});`).join(' ')} } }`,
        )
        .join('\n      ')}
    }
    workgroupBarrier();
  }
  ${all
    .map(
      (q) => `if (${q}u < count) {
    let at = ((sequence * p.queries + first + ${q}) * p.heads + head) * p.headDim + lane;
    ${columns.map((d) => `if (lane + ${d * KEYS} < p.headDim) { set_y(at + ${d * KEYS}, mix${q}_${d} / total${q}); }`).join(' ')}
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
  k: Tensor<'f32'>,
  v: Tensor<'f32'>,
  shape: AttentionShape,
): void {
  const { heads, kvHeads, headDim, sequences, queries, keys, scale, softcap } = shape;
  const window = Math.min(shape.window ?? keys, keys);
  const each = queries === 1 ? 1 : QUERIES;
  const params = { heads, kvHeads, headDim, queries, keys, f_scale: scale, window, f_cap: softcap ?? 0 };
  const groups = heads * Math.ceil(queries / each);
  for (const [from, to] of gpu.pieces(sequences, [y, q, k, v])) {
    const [ys, qs] = [y, q].map((t) => t.reshape(sequences, queries, heads * headDim).rows(from, to));
    const [ks, vs] = [k, v].map((t) => t.reshape(sequences, keys, kvHeads * headDim).rows(from, to));
    gpu.run(kernelOf(each, Math.ceil(headDim / KEYS)), [ys, qs, ks, vs], params, (to - from) * groups);
  }
}
