// Cases of the mask: every selection on matrices without ties, full of ties, and of zeros. All are exact to the bit,
// signs of zeros included, since a mask decides which weights a model keeps.

import type { Selection } from '../../src/backend/backend.js';
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

/** None, any, and levels; every case masks once with each. */
const scales: (Draw | null)[] = [null, (random) => random() * 3, oneOf(0, 0.5, 1, 2)];

type Selections = Record<string, (rig: Rig) => Selection>;

/** The extremes of each selection and points between, for a matrix of `rows` × `columns`. */
function selections(rows: number, columns: number): Selections {
  const [half, last] = [Math.floor(columns / 2), rows * columns - 1];
  const found: Selections = {};
  for (const prune of new Set([0, 1, half, columns - 1, columns]))
    found[`row ${prune}`] = () => ({ kind: 'row', prune });
  for (const rank of new Set([0, Math.floor(last / 3), last])) found[`layer ${rank}`] = () => ({ kind: 'layer', rank });
  found.rows = (rig) => ({ kind: 'rows', keep: rig.i32([rows], whole(0, columns)) });
  found['rows, none'] = (rig) => ({ kind: 'rows', keep: rig.i32([rows], () => 0) });
  found['rows, all'] = (rig) => ({ kind: 'rows', keep: rig.i32([rows], () => columns) });
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
          scales.map((scale) => {
            const out = rig.result([rows, columns]);
            const columnScale = scale && rig.f32([columns], scale);
            rig.backend.mask(out, rig.f32([rows, columns], draw), columnScale, selection(rig));
            return out;
          }),
      };
    }),
  ),
);

const selectionsOfLarge: Selections = {
  'row 359': () => ({ kind: 'row', prune: 359 }),
  rows: (rig) => ({ kind: 'rows', keep: rig.i32([300], whole(0, 513)) }),
  'layer 107730': () => ({ kind: 'layer', rank: 107730 }),
  '2:3': () => ({ kind: 'n:m', n: 2, m: 3 }),
};

const large = ['mixed values', 'three levels'].flatMap((content) =>
  Object.entries(selectionsOfLarge).map(
    ([kind, selection]): Case => ({
      name: `mask ${kind}, 300×513, ${content}, scaled, in place`,
      tolerance: 'exact',
      run(rig) {
        const weight = rig.f32([300, 513], contents[content]);
        rig.backend.mask(weight, weight, rig.f32([513], oneOf(0.25, 0.5, 1)), selection(rig));
        return [weight];
      },
    }),
  ),
);

export const pruningCases = [...small, ...large];
