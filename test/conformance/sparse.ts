// Cases of sparse matrices: sizes that fill no group, no window, no strip of columns and no tile of tokens, rows and matrices
// without a single entry, entries far from each other, views of rows that begin inside a group.

import { SPARSE_VALUES } from '../../src/tensor/sparse-matrix.js';
import type { Case, Tolerance } from './case.js';
import { type Draw, mixed, normal } from './draws.js';

/** Tokens, rows, columns, share of entries that are not zero. */
const sizes: [number, number, number, number][] = [
  [1, 1, 1, 1],
  [1, 3, 5, 0.5],
  [3, 7, 1, 0.5],
  [1, 300, 513, 0.3],
  [2, 131, 257, 0.2],
  [3, 4, 256, 0],
  [4, 5, 7, 1],
  [5, 13, 37, 0.4],
  [8, 128, 256, 0.3],
  [9, 130, 300, 0.3],
  [31, 6, 20, 0.5],
  [32, 8, 12, 0],
  [33, 129, 65, 0.3],
  [40, 127, 515, 0.1],
  [41, 12, 255, 0.9],
  [257, 133, 70, 0.3],
  [300, 260, 258, 0.2],
  // So many weights that steps are short.
  [1, 391, 700, 0.5],
  [5, 516, 523, 0.3],
  [40, 520, 530, 0.35],
  [1030, 9, 11, 0.4],
  [1, 5, 16390, 0.2],
  [5, 5, 16520, 0.2],
  [1, 140, 1500, 0.003],
  [6, 6, 1500, 0.003],
  [50, 3, 5000, 0.001],
];

const ofOperands: Tolerance = { relative: 1e-5, floor: 'operands' };

/** That share of the numbers of another draw, −0 for half of the others. */
export const share =
  (density: number, draw: Draw): Draw =>
  (random, index) =>
    random() < density ? draw(random, index) : random() < 0.5 ? -0 : 0;

const products: Case[] = sizes.flatMap(([tokens, rows, columns, density]) =>
  SPARSE_VALUES.flatMap((values) =>
    [true, false].map((biased) => ({
      name: `linear ${tokens} tokens, sparse ${rows}×${columns} of ${values}, ${100 * density} %${biased ? ', bias' : ''}`,
      tolerance: ofOperands,
      run(rig) {
        const x = rig.f32([tokens, columns], mixed);
        const weight = rig.sparse([rows, columns], values, share(density, mixed));
        const y = rig.result([tokens, rows]);
        rig.backend.linear(y, x, weight, biased ? rig.f32([rows], mixed) : null);
        return [y];
      },
    })),
  ),
);

/** The same products of matrices made of a mask: nothing else may come out, whoever made the matrix. */
const ofMasks: Case[] = sizes.flatMap(([tokens, rows, columns, density]) =>
  SPARSE_VALUES.map((values) => ({
    name: `linear ${tokens} tokens, sparse ${rows}×${columns} of ${values}, ${100 * density} %, of a mask`,
    tolerance: ofOperands,
    run(rig) {
      const weight = rig.masked([rows, columns], values, share(density, mixed));
      const [x, y] = [rig.f32([tokens, columns], mixed), rig.result([tokens, rows])];
      rig.backend.linear(y, x, weight, null);
      return [y];
    },
  })),
);

/** Rows of one group with all, none, few and most of their entries. */
const uneven: Case[] = [1, 7, 35].flatMap((tokens) =>
  SPARSE_VALUES.map((values) => ({
    name: `linear ${tokens} tokens, sparse 30×300 of ${values}, rows full and empty, bias`,
    tolerance: ofOperands,
    run(rig) {
      const shares = [1, 0, 0.1, 0.9];
      const draw: Draw = (random, i) => share(shares[Math.floor(i / 300) % 4], normal)(random, i);
      const [x, weight, y] = [rig.f32([tokens, 300]), rig.sparse([30, 300], values, draw), rig.result([tokens, 30])];
      rig.backend.linear(y, x, weight, rig.f32([30]));
      return [y];
    },
  })),
);

/** Rows [begin, end) of a matrix, and of those the rows but the first and the last. */
const views: Case[] = [1, 4, 36, 70].flatMap((tokens) =>
  [
    [4, 12],
    [3, 9],
    [1, 4],
    [126, 262],
  ].flatMap(([begin, end]) =>
    (['f32', 'int8'] as const).map((values) => ({
      name: `linear ${tokens} tokens, rows ${begin}–${end} of a sparse matrix of ${values}`,
      tolerance: ofOperands,
      run(rig) {
        const [x, weight] = [rig.f32([tokens, 300]), rig.sparse([270, 300], values, share(0.3, normal))];
        const [bias, y, inner] = [
          rig.f32([end - begin]),
          rig.result([tokens, end - begin]),
          rig.result([tokens, end - begin - 2]),
        ];
        rig.backend.linear(y, x, weight.rows(begin, end), bias);
        rig.backend.linear(inner, x, weight.rows(begin, end).rows(1, end - begin - 1), null);
        return [y, inner];
      },
    })),
  ),
);

/** A view of a matrix of many columns, with long steps and with short ones. */
const viewsOfWide: Case[] = [
  { tokens: 1, rows: 13, density: 0.2 },
  { tokens: 5, rows: 13, density: 0.2 },
  { tokens: 1, rows: 17, density: 0.3 },
  { tokens: 5, rows: 17, density: 0.3 },
].flatMap(({ tokens, rows, density }) =>
  (['bf16', 'int8'] as const).map((values) => ({
    name: `linear ${tokens} tokens, rows 5–11 of a sparse ${rows}×16500 of ${values}`,
    tolerance: ofOperands,
    run(rig) {
      const [x, weight] = [rig.f32([tokens, 16500]), rig.sparse([rows, 16500], values, share(density, normal))];
      const y = rig.result([tokens, 6]);
      rig.backend.linear(y, x, weight.rows(5, 11), rig.f32([6]));
      return [y];
    },
  })),
);

export const sparseCases = [...products, ...ofMasks, ...uneven, ...views, ...viewsOfWide];
