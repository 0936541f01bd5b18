// Attention of few queries: the keys are cut into parts, each for a workgroup of its own, or most of the GPU would have
// nothing to do. A part is a block of keys with its own maximum and sum (as in FlashDecoding, Dao et al. 2023); a second
// kernel joins the parts in their order. Heads that share keys read them together.

import type { Tensor } from '../../tensor/tensor.js';
import { type AttentionShape, KEY_DTYPES, type KeyDType, type KeyTensor } from '../backend.js';
import type { Gpu } from './gpu.js';
import type { Kernel } from './kernel.js';
import { least } from './wgsl/queries.js';

/** Keys of a part. */
const KEYS = 64;
const LANES = 128;
/** Lanes that score one key. */
const TEAM = 8;
/** Rows, each a query of one head, that meet the keys of a part together; of heads wider than 256 one, for what a workgroup's memory holds. */
const ROWS = 4;

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const known = new Map<number, Kernel>();

/** What both kernels do with columns: teams of lanes take every so many-th key or part, and their sums are added in order. */
const columns = (vector: string) => /* wgsl */ `
${least}
var<workgroup> sums: array<${vector}, ${LANES}>;
fn joined(own: ${vector}, lane: u32, per: u32) -> ${vector} {
  workgroupBarrier();
  sums[lane] = own;
  workgroupBarrier();
  var all = ${vector}();
  for (var i = lane % per; i < ${LANES} - ${LANES} % per; i += per) { all += sums[i]; }
  return all;
}`;

/** `rows` of a workgroup, `size` at least the width of a head; `fours`: four columns at a time; keys and values of that dtype. */
function partOf(rows: number, size: number, fours: boolean, dtype: KeyDType): Kernel {
  const key = ((size * (ROWS + 1) + rows) * 2 + Number(fours)) * KEY_DTYPES.length + KEY_DTYPES.indexOf(dtype);
  const found = known.get(key);
  if (found) return found;
  const unit = fours ? 4 : 1;
  const type = fours ? 'f32x4' : 'f32';
  const keyType = fours ? (`${dtype}x4` as const) : dtype;
  const vector = fours ? 'vec4f' : 'f32';
  const all = range(rows);
  const stride = size / unit;
  const kernel: Kernel = {
    name: `attention of a part of the keys, ${rows} rows to ${size} columns of ${dtype}${fours ? ' in fours' : ''}`,
    operands: [
      { name: 'mix', type, writes: true },
      { name: 'ends', type: 'f32', writes: true },
      { name: 'q', type },
      { name: 'k', type: keyType },
      { name: 'v', type: keyType },
    ],
    params: ['heads', 'kvHeads', 'headDim', 'queries', 'keys', 'begin', 'parts', 'f_scale', 'window', 'f_cap'],
    lanes: LANES,
    uses: ['functions'],
    code: /* wgsl */ `
${columns(vector)}
var<workgroup> query: array<${vector}, ${rows * stride}>;
var<workgroup> products: array<f32, ${rows * KEYS * TEAM}>;
/** Scores of the keys for each row, then their weights; −1 for a key that a row does not see. */
var<workgroup> scores: array<f32, ${rows * KEYS}>;
var<workgroup> weights: array<f32, ${rows * KEYS}>;

fn run(group: u32, lane: u32) {
  let shared_by = p.heads / p.kvHeads;
  let tiles = (p.queries * shared_by + ${rows - 1}) / ${rows};
  let part = group % p.parts;
  let first = (group / p.parts) % tiles * ${rows};
  let kvHead = (group / p.parts / tiles) % p.kvHeads;
  let sequence = group / p.parts / tiles / p.kvHeads;
  let count = min(${rows}u, p.queries * shared_by - first);
  let width = p.headDim / ${unit};
  let block = p.begin + part * ${KEYS};
  let last = min(${KEYS}u, p.keys - block);
  for (var i = lane; i < ${rows} * width; i += ${LANES}) {
    let r = first + min(i / width, count - 1);
    let row = (sequence * p.queries + r / shared_by) * p.heads + kvHead * shared_by + r % shared_by;
    query[(i / width) * ${stride} + i % width] = get_q(row * width + i % width) * p.f_scale;
  }
  workgroupBarrier();
  for (var j = lane / ${TEAM}; j < last; j += ${LANES / TEAM}) {
    let at = ((sequence * p.keys + block + j) * p.kvHeads + kvHead) * width;
    ${all.map((r) => `var sum${r} = ${vector}();`).join(' ')}
    for (var c = lane % ${TEAM}; c < width; c += ${TEAM}) {
      let k = get_k(at + c);
      ${all.map((r) => `sum${r} = fma(query[${r * stride} + c], k, sum${r});`).join(' ')}
    }
    ${all
      .map((r) => {
        const sum = fours ? `(sum${r}.x + sum${r}.y) + (sum${r}.z + sum${r}.w)` : `sum${r}`;
        return `products[${r * KEYS * TEAM} + j * ${TEAM} + lane % ${TEAM}] = ${sum};`;
      })
      .join(' ')}
  }
  workgroupBarrier();
  for (var i = lane; i < ${rows * KEYS}; i += ${LANES}) {
    let j = i % ${KEYS};
    let position = p.keys - p.queries + (first + i / ${KEYS}) / shared_by;
    var score = LEAST;
    if (i / ${KEYS} < count && j < last && block + j <= position && block + j + p.window > position) {
      score = 0.0;
      for (var member = 0u; member < ${TEAM}; member++) { score += products[i * ${TEAM} + member]; }
      if (p.f_cap != 0.0) { score = p.f_cap * hyperbolic_tangent(score / p.f_cap); }
    }
    scores[i] = score;
  }
  workgroupBarrier();
  for (var i = lane; i < ${rows * KEYS}; i += ${LANES}) {
    let j = i % ${KEYS};
    let r = i / ${KEYS};
    let position = p.keys - p.queries + (first + r) / shared_by;
    var top = LEAST;
    for (var n = 0u; n < ${KEYS}; n++) {
      let score = scores[i - j + n];
      if (score > top) { top = score; }
    }
    var weight = -1.0;
    if (r < count && j < last && block + j <= position && block + j + p.window > position) {
      weight = exponential(scores[i] - top);
    }
    weights[i] = weight;
    if (j == 0) { products[r] = top; }
  }
  workgroupBarrier();
  if (lane < count) {
    let r = first + lane;
    let row = (sequence * p.queries + r / shared_by) * p.heads + kvHead * shared_by + r % shared_by;
    var total = 0.0;
    for (var n = 0u; n < ${KEYS}; n++) {
      let weight = weights[lane * ${KEYS} + n];
      if (!(weight < 0.0)) { total += weight; }
    }
    set_ends(2 * (row * p.parts + part), products[lane]);
    set_ends(2 * (row * p.parts + part) + 1, total);
  }
  let per = min(width, ${LANES}u);
  let teams = ${LANES} / per;
  for (var c0 = 0u; c0 < width; c0 += per) {
    let c = c0 + lane % per;
    ${all.map((r) => `var mix${r} = ${vector}();`).join(' ')}
    if (c < width && lane / per < teams) {
      for (var j = lane / per; j < last; j += teams) {
        let v = get_v(((sequence * p.keys + block + j) * p.kvHeads + kvHead) * width + c);
        ${all.map((r) => `{ let w = weights[${r * KEYS} + j]; if (!(w < 0.0)) { mix${r} = fma(${vector}(w), v, mix${r}); } }`).join(' ')}
      }
    }
    ${all
      .map(
        (r) => `{
      let all = joined(mix${r}, lane, per);
      if (${r}u < count && lane < per && c < width) {
        let r = first + ${r};
        let row = (sequence * p.queries + r / shared_by) * p.heads + kvHead * shared_by + r % shared_by;
        set_mix((row * p.parts + part) * width + c, all);
      }
    }`,
      )
      .join('\n    ')}
  }
}`,
  };
  known.set(key, kernel);
  return kernel;
}

const joinOf = (fours: boolean): Kernel => {
  const type = fours ? 'f32x4' : 'f32';
  const vector = fours ? 'vec4f' : 'f32';
  return {
    name: `attention, its parts joined${fours ? ' in fours' : ''}`,
    operands: [
      { name: 'y', type, writes: true },
      { name: 'mix', type },
      { name: 'ends', type: 'f32' },
    ],
    params: ['width', 'parts'],
    lanes: LANES,
    uses: ['functions'],
    code: /* wgsl */ `
${columns(vector)}
var<workgroup> shares: array<f32, ${LANES}>;
var<workgroup> totals: array<f32, ${LANES}>;

fn run(row: u32, lane: u32) {
  let at = row * p.parts;
  var top = LEAST;
  for (var i = lane; i < p.parts; i += ${LANES}) { top = max(top, get_ends(2 * (at + i))); }
  shares[lane] = top;
  workgroupBarrier();
  for (var i = 0u; i < min(${LANES}u, p.parts); i++) { top = max(top, shares[i]); }
  let per = min(p.width, ${LANES}u);
  let teams = ${LANES} / per;
  for (var c0 = 0u; c0 < p.width; c0 += per) {
    let c = c0 + lane % per;
    var own = ${vector}();
    var total = 0.0;
    for (var first = 0u; first < p.parts; first += ${LANES}) {
      let count = min(${LANES}u, p.parts - first);
      workgroupBarrier();
      if (lane < count) {
        let share = exponential(get_ends(2 * (at + first + lane)) - top);
        shares[lane] = share;
        totals[lane] = share * get_ends(2 * (at + first + lane) + 1);
      }
      workgroupBarrier();
      for (var i = 0u; i < count; i++) { total += totals[i]; }
      if (c < p.width && lane / per < teams) {
        for (var i = lane / per; i < count; i += teams) {
          own = fma(${vector}(shares[i]), get_mix((at + first + i) * p.width + c), own);
        }
      }
    }
    let all = joined(own, lane, per);
    if (lane < per && c < p.width) { set_y(row * p.width + c, all / total); }
  }
}`,
  };
};

const joins = { fours: joinOf(true), ones: joinOf(false) };

/** Parts of the keys that these queries see, and the first key of the first part. */
export function partsOf({ queries, keys, window }: AttentionShape): { begin: number; parts: number } {
  const first = Math.max(0, keys - queries + 1 - (window ?? keys));
  const begin = first - (first % KEYS);
  return { begin, parts: Math.ceil((keys - begin) / KEYS) };
}

/** Elements of scratch memory that `attentionInParts` takes. */
export const scratchOf = (shape: AttentionShape): number =>
  shape.sequences * shape.queries * shape.heads * partsOf(shape).parts * Math.max(2, shape.headDim);

/** y = attention of q, k and v, all as the backend's interface has them; each of them fits a binding. */
export function attentionInParts(
  gpu: Gpu,
  y: Tensor<'f32'>,
  q: Tensor<'f32'>,
  k: KeyTensor,
  v: KeyTensor,
  shape: AttentionShape,
  fours: boolean,
): void {
  const { heads, kvHeads, headDim, sequences, queries, keys, scale, softcap } = shape;
  const { begin, parts } = partsOf(shape);
  const window = Math.min(shape.window ?? keys, keys);
  const size = 128 * Math.ceil(headDim / 128);
  const together = queries * (heads / kvHeads);
  const rows = size > 256 ? 1 : together > 2 ? ROWS : together;
  const all = sequences * queries * heads;
  gpu.withScratch('f32', [all, parts, headDim], (mix) =>
    gpu.withScratch('f32', [all, parts, 2], (ends) => {
      const params = {
        heads,
        kvHeads,
        headDim,
        queries,
        keys,
        begin,
        parts,
        f_scale: scale,
        window,
        f_cap: softcap ?? 0,
      };
      gpu.run(
        partOf(rows, size, fours, k.dtype),
        [mix, ends, q, k, v],
        params,
        sequences * kvHeads * Math.ceil(together / rows) * parts,
      );
      gpu.run(fours ? joins.fours : joins.ones, [y, mix, ends], { width: fours ? headDim / 4 : headDim, parts }, all);
    }),
  );
}
