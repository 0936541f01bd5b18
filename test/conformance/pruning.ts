// Cases of the mask: every selection on matrices without ties, full of ties, and of zeros. All are exact to the bit,
// signs of zeros included, since a mask decides which weights a model keeps.

import { type Scores, type Selection, TIES } from '../../src/backend/backend.js';
import type { Case } from './case.js';
import { type Draw, mixed, normal, oneOf, whole } from './draws.js';
import type { Rig } from './rig.js';

const contents: Record<string, Draw> = {
  'mixed values': mixed,
  'three levels': oneOf(-0.5, 0.5, -1, 1, 2),
  'zeros of both signs': oneOf(0, -0, 0, -0, 1, -1),
  'only zeros': oneOf(0, -0),
  'tiny values': (random, i) => normal(random, i) * 2 ** -140,
  'one value': oneOf(-0.3),
};

const any: Draw = (random) => random() * 3;
/** Products of three of these are often equal but for their rounding. */
const close = oneOf(0.1, 0.3, 0.7, 0.21);

/** Draws of what the scores are made of: another matrix, factors of columns, factors of rows. Every case masks with each. */
const scores: { of?: Draw; column?: Draw; row?: Draw }[] = [
  {},
  { column: any },
  { column: oneOf(0, 0.5, 1, 2) },
  { row: any },
  { row: oneOf(0, 0.5, 1, 2) },
  { column: any, row: any },
  { of: oneOf(-0.5, 0.5, -0, 0, 1, 2) },
  { of: close, column: close, row: close },
];

/** What `scores` describes, for a matrix of `rows` × `columns`. */
function drawn(rig: Rig, rows: number, columns: number, { of, column, row }: (typeof scores)[number]): Scores {
  return {
    of: of ? rig.f32([rows, columns], of) : null,
    column: column ? rig.f32([columns], column) : null,
    row: row ? rig.f32([rows], row) : null,
  };
}

type Selections = Record<string, (rig: Rig) => Selection>;

/** The extremes of each selection and points between, for a matrix of `rows` × `columns`. */
function selections(rows: number, columns: number): Selections {
  const [half, size] = [Math.floor(columns / 2), rows * columns];
  const found: Selections = {};
  for (const prune of new Set([0, 1, half, columns - 1, columns]))
    found[`row ${prune}`] = () => ({ kind: 'row', prune });
  for (const rank of new Set([0, Math.floor(size / 3), size - 1]))
    found[`layer ${rank}`] = () => ({ kind: 'layer', rank });
  for (const prune of new Set([0, 1, Math.floor(size / 2), size - 1, size]))
    found[`count ${prune}`] = () => ({ kind: 'count', prune });
  for (const ties of TIES) {
    const of = (keep: Draw) => (rig: Rig) => ({ kind: 'rows' as const, keep: rig.i32([rows], keep), ties });
    found[`rows, ${ties}`] = of(whole(0, columns));
    found[`rows, ${ties}, none`] = of(() => 0);
    found[`rows, ${ties}, all`] = of(() => columns);
  }
  for (const m of [1, 4, 8, 7].filter((m) => columns % m === 0)) {
    for (const n of new Set([0, 1, m >> 1, m])) found[`${n}:${m}`] = () => ({ kind: 'n:m', n, m });
  }
  return found;
}

const small = [
  [1, 1],
  [1, 5],
  [3, 7],
  [5, 56],
].flatMap(([rows, columns]) =>
  Object.entries(contents).flatMap(([content, draw]) =>
    Object.entries(selections(rows, columns)).map(([kind, selection]): Case => {
      return {
        name: `mask ${kind}, ${rows}×${columns}, ${content}`,
        tolerance: 'exact',
        run: (rig) =>
          scores.map((by) => {
            const out = rig.result([rows, columns]);
            const weight = rig.f32([rows, columns], draw);
            rig.backend.mask(out, weight, drawn(rig, rows, columns, by), selection(rig));
            return out;
          }),
      };
    }),
  ),
);

const selectionsOfLarge: Selections = {
  'row 359': () => ({ kind: 'row', prune: 359 }),
  'rows, keep-lower': (rig) => ({ kind: 'rows', keep: rig.i32([300], whole(0, 513)), ties: 'keep-lower' }),
  'rows, prune-lower': (rig) => ({ kind: 'rows', keep: rig.i32([300], whole(0, 513)), ties: 'prune-lower' }),
  'layer 107730': () => ({ kind: 'layer', rank: 107730 }),
  'count 107730': () => ({ kind: 'count', prune: 107730 }),
  '2:3': () => ({ kind: 'n:m', n: 2, m: 3 }),
};

const levels = oneOf(0.25, 0.5, 1);

const large = ['mixed values', 'three levels'].flatMap((content) =>
  Object.entries(selectionsOfLarge).flatMap(([kind, selection]): Case[] => [
    {
      name: `mask ${kind}, 300×513, ${content}, with factors, in place`,
      tolerance: 'exact',
      run(rig) {
        const weight = rig.f32([300, 513], contents[content]);
        rig.backend.mask(weight, weight, drawn(rig, 300, 513, { column: levels, row: levels }), selection(rig));
        return [weight];
      },
    },
    {
      name: `mask ${kind}, 300×513, ones, over the matrix of the scores, ${content}`,
      tolerance: 'exact',
      run(rig) {
        const [ones, by] = [rig.f32([300, 513], () => 1), drawn(rig, 300, 513, { of: contents[content] })];
        rig.backend.mask(by.of!, ones, by, selection(rig));
        return [by.of!];
      },
    },
  ]),
);

export const pruningCases = [...small, ...large];
