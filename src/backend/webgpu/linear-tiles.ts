// Products of many tokens: tiles of y, whose operands go through workgroup memory some columns at a time. What the next
// step needs is read from memory while this one is computed, and kept in registers until there is room for it. All that a
// lane reads of workgroup memory in a step lies in one row of an array, at places the compiler knows: each index that it
// does not know costs a comparison with the array's length.

import { type Element, type Kernel, kernelOf } from './kernel.js';
import { fourOf, operandsOf } from './linear-operands.js';

/** The shape of a tile. */
export interface Tile {
  /** Tokens and rows of the weight of one lane. */
  tokens: number;
  rows: number;
  /** Lanes over the tokens, and over the rows: multiples of 4 and 8. */
  down: number;
  across: number;
  /** Fours of columns of a step. */
  depth: number;
  /** 2: a step is written to workgroup memory while another is read there, with one barrier instead of two. */
  buffers: 1 | 2;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Fours of a row of an array of workgroup memory: one more than are used, so that neighbours meet other memory banks. */
const fours = (perLane: number, depth: number) => perLane * depth + 1;

/** Workgroup memory that a tile takes. */
export const bytesOf = ({ tokens, rows, down, across, depth, buffers }: Tile): number =>
  16 * buffers * (down * fours(tokens, depth) + across * fours(rows, depth));

/** The kernel of a tile for weights of a type; `inFours`: every row begins at a multiple of four and is as long. */
export function tiles(type: Element, inFours: boolean, tile: Tile): Kernel {
  const { tokens, rows, down, across, depth, buffers } = tile;
  const lanes = down * across;
  const [high, wide] = [tokens * down, rows * across];
  const cells = range(tokens).flatMap((i) => range(rows).map((j) => [i, j]));
  const operands = [
    { name: 'x', from: 't0', last: 'p.tokens', groups: down, loads: range((high * depth) / lanes) },
    { name: 'w', from: 'r0', last: 'p.rows', groups: across, loads: range((wide * depth) / lanes) },
  ];
  const each = (of: (operand: (typeof operands)[number], k: number) => string) =>
    operands.flatMap((operand) => operand.loads.map((k) => of(operand, k)));
  const load = (c0: string) => `{
    let c = ${c0} + 4 * four;
    ${each(({ name }, k) => `${name}_${k} = vec4f();`).join(' ')}
    if (c < p.columns) {
      ${each(({ name, from, last }, k) => `${name}_${k} = four_${name}(min(${from} + row + ${(lanes / depth) * k}, ${last} - 1), c);`).join('\n      ')}
    }
  }`;
  return kernelOf(
    `linear tiles of ${[tokens, rows, down, across, depth, buffers].join(' ')}, ${type}${inFours ? ' in fours' : ''}`,
    () => ({
      operands: operandsOf(type, inFours),
      params: ['columns', 'rows', 'stride', 'first', 'biased', 'tokens'],
      lanes,
      code: /* wgsl */ `
${fourOf('x', inFours)}
${fourOf('w', inFours)}
/** Row a has tokens a, a + ${down}, …, of each ${depth} fours of columns; of the weight likewise. */
var<workgroup> xs: array<array<vec4f, ${fours(tokens, depth)}>, ${down * buffers}>;
var<workgroup> ws: array<array<vec4f, ${fours(rows, depth)}>, ${across * buffers}>;
fn run(group: u32, lane: u32) {
  let wide = (p.rows + ${wide - 1}) / ${wide};
  let t0 = (group / wide) * ${high};
  let r0 = (group % wide) * ${wide};
  /** 32 lanes are a block of 4 × 8. */
  let ti = (lane / ${4 * across}) * 4 + (lane % 32) / 8;
  let ri = ((lane / 32) % ${across / 8}) * 8 + lane % 8;
  let row = lane / ${depth};
  let four = lane % ${depth};
  ${cells.map(([i, j]) => `var s${i}_${j} = 0.0;`).join(' ')}
  ${each(({ name }, k) => `var ${name}_${k}: vec4f;`).join(' ')}
  ${load('0u')}
  ${buffers === 2 ? 'var half = 0u;' : ''}
  for (var c0 = 0u; c0 < p.columns; c0 += ${4 * depth}) {
    ${each(({ name, groups }, k) => {
      const at = `(row + ${(lanes / depth) * k})`;
      return `${name}s[${buffers === 2 ? `${groups} * half + ` : ''}${at} % ${groups}][(${at} / ${groups}) * ${depth} + four] = ${name}_${k};`;
    }).join('\n    ')}
    workgroupBarrier();
    ${load(`c0 + ${4 * depth}`)}
    let own_x = &xs[${buffers === 2 ? `${down} * half + ` : ''}ti];
    let own_w = &ws[${buffers === 2 ? `${across} * half + ` : ''}ri];
    ${range(depth)
      .map(
        (k) => `{
      ${range(tokens)
        .map((i) => `let x${i} = own_x[${i * depth + k}];`)
        .join(' ')}
      ${range(rows)
        .map(
          (j) => `{
        let w = own_w[${j * depth + k}];
        ${range(tokens)
          .map(
            (i) =>
              `s${i}_${j} = fma(x${i}.w, w.w, fma(x${i}.z, w.z, fma(x${i}.y, w.y, fma(x${i}.x, w.x, s${i}_${j}))));`,
          )
          .join('\n        ')}
      }`,
        )
        .join('\n      ')}
    }`,
      )
      .join('\n    ')}
    ${buffers === 2 ? 'half = 1 - half;' : 'workgroupBarrier();'}
  }
  ${range(rows)
    .map(
      (j) => `{
    let r = r0 + ri + ${across * j};
    if (r < p.rows) {
      var bias = 0.0;
      if (p.biased == 1) { bias = get_b(r); }
      ${range(tokens)
        .map((i) => {
          const t = `t0 + ti + ${down * i}`;
          return `if (${t} < p.tokens) { set_y((${t}) * p.stride + p.first + r, select(s${i}_${j}, s${i}_${j} + bias, p.biased == 1)); }`;
        })
        .join('\n      ')}
    }
  }`,
    )
    .join('\n  ')}
}`,
    }),
  );
}
