// Cases of several layers that read one input: all of one form, so that a backend may share what it makes of the input, and
// of different ones; parts of fused weights among them, and more tokens than are packed at a time.

import type { Matrix } from '../../src/tensor/sparse-matrix.js';
import type { Case } from './case.js';
import { mixed, normal } from './draws.js';
import type { Rig } from './rig.js';
import { share } from './sparse.js';

const COLUMNS = 37;
/** A query of 20 rows, a key and a value of 12. */
const ROWS = [20, 12, 12];

/** Two thirds of it are 0. */
export const sparse = share(1 / 3, normal);

type Make = (rig: Rig, shape: number[]) => Matrix;
const f32: Make = (rig, shape) => rig.f32(shape);
const int8: Make = (rig, shape) => rig.int8(shape);
const ofF32: Make = (rig, shape) => rig.sparse(shape, 'f32', sparse);
const ofBF16: Make = (rig, shape) => rig.sparse(shape, 'bf16', sparse);
const ofInt8: Make = (rig, shape) => rig.sparse(shape, 'int8', sparse);

/** What the three layers are. */
const forms: Record<string, Make[]> = {
  'of f32': [f32, f32, f32],
  'of int8': [int8, int8, int8],
  'sparse of f32': [ofF32, ofF32, ofF32],
  'sparse of bf16, int8 and f32': [ofBF16, ofInt8, ofF32],
  'sparse, dense and of int8': [ofF32, f32, int8],
  'by columns, of bf16 and of f16': [
    (rig, shape) => rig.columns(shape, 'f32'),
    (rig, shape) => rig.bf16(shape),
    (rig, shape) => rig.f16(shape),
  ],
};

const layers: Case[] = Object.entries(forms).flatMap(([form, makes]) =>
  [1, 3, 5, 601].map((tokens) => ({
    name: `linears of ${tokens} tokens, ${form}`,
    tolerance: { relative: 1e-5, floor: 'operands' },
    run(rig) {
      const x = rig.f32([tokens, COLUMNS], mixed);
      const given = ROWS.map((rows, i) => ({
        y: rig.result([tokens, rows]),
        weight: makes[i](rig, [rows, COLUMNS]),
        bias: i === 1 ? rig.f32([rows]) : null,
      }));
      rig.backend.linears(x, given);
      return given.map(({ y }) => y);
    },
  })),
);

const fused: Case[] = [f32, int8, ofF32, ofInt8].flatMap((make, i) =>
  [2, 40].map((tokens) => ({
    name: `linears of ${tokens} tokens, with the parts of a fused weight, ${['f32', 'int8', 'sparse', 'sparse of int8'][i]}`,
    tolerance: { relative: 1e-5, floor: 'operands' },
    run(rig) {
      const [x, weight, bias] = [rig.f32([tokens, COLUMNS], mixed), make(rig, [44, COLUMNS]), rig.f32([44])];
      let first = 0;
      const given = ROWS.map((rows) => {
        first += rows;
        const own = { weight: weight.rows(first - rows, first), bias: bias.rows(first - rows, first) };
        return { y: rig.result([tokens, rows]), ...own };
      });
      rig.backend.linears(x, given);
      return given.map(({ y }) => y);
    },
  })),
);

export const linearsCases: Case[] = [...layers, ...fused];
