// A mask and what can be done with it, against dense rows.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { masked } from '../../test/masked.js';
import { dropZeros, maskOfRows, placeOfValue, spread } from './bitmask.js';

/** Rows whose weights are 0 as often as not, and of the others some are meant to become 0. */
const matrix = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 40 }))
  .chain(([rows, columns]) =>
    fc.tuple(
      fc.constant([rows, columns] as const),
      fc.array(fc.constantFrom(0, 0, 1, 2, 5), { minLength: rows * columns, maxLength: rows * columns }),
    ),
  );

it('spreads the values of any rows over them', () => {
  fc.assert(
    fc.property(matrix, fc.nat(), fc.nat(), ([[rows, columns], weights], a, b) => {
      const [first, end] = [a % (rows + 1), b % (rows + 1)].sort((x, y) => x - y);
      const { mask, values } = masked(Uint16Array.from(weights), [rows, columns]);
      const out = new Uint16Array((end - first) * columns);
      const own = values.subarray(mask.offsets[first], mask.offsets[end]);
      spread(maskOfRows(mask, first, end), columns, own, out);
      expect([...out]).toEqual(weights.slice(first * columns, end * columns));
    }),
  );
});

it('names the place of each value', () => {
  fc.assert(
    fc.property(matrix, ([shape, weights]) => {
      const { mask, values } = masked(Uint16Array.from(weights), shape);
      const places = Array.from(values, (_, n) => placeOfValue(mask, n));
      expect(places).toEqual(weights.flatMap((w, i) => (w ? [i] : [])));
    }),
  );
});

it.each([
  ['numbers', Float32Array, -0],
  ['patterns', Uint16Array, 0x8000],
  ['whole numbers', Int8Array, 0],
] as const)('loses what is 0 among %s', (_, Kind, negative) => {
  fc.assert(
    fc.property(matrix, ([shape, weights]) => {
      const listed = masked(Kind.from(weights), shape);
      const values = listed.values.map((v) => (v === 5 ? 0 : v === 2 ? negative : v)) as typeof listed.values;
      const left = dropZeros(listed.mask, values);
      const expected = masked(Kind.from(weights.map((w) => Number(w === 1))), shape);
      expect([...left]).toEqual([...expected.values]);
      expect(listed.mask).toEqual(expected.mask);
    }),
  );
});
