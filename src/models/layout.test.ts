import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headByHead, type Layout, offsetByOne, transposed } from './layout.js';

const numbers = (length: number) =>
  fc.array(fc.integer({ min: -100, max: 100 }), { minLength: length, maxLength: length });

/** A layout, and a tensor [rows, columns] as the checkpoint holds it. */
const cases: fc.Arbitrary<[Layout, number[], number[]]> = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 6 }))
  .chain(([heads, width, columns]) => {
    const shape = [3 * heads * width, columns];
    const layouts = fc.constantFrom(transposed, headByHead(heads), offsetByOne);
    return fc.tuple(layouts, fc.constant(shape), numbers(shape[0] * columns));
  });

describe('a layout', () => {
  it('gives back what it took', () => {
    fc.assert(
      fc.property(cases, ([layout, shape, stored]) => {
        const loaded = layout.load(Float32Array.from(stored), shape);
        expect([...layout.store(loaded, shape)]).toEqual(stored);
        expect(layout.storedShape(shape).reduce((a, b) => a * b)).toBe(stored.length);
      }),
    );
  });

  it('turns [inputs, outputs] around, and leaves biases alone', () => {
    expect([...transposed.load(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3])]).toEqual([1, 3, 5, 2, 4, 6]);
    expect(transposed.storedShape([2, 3])).toEqual([3, 2]);
    expect([...transposed.load(Float32Array.of(1, 2, 3), [3])]).toEqual([1, 2, 3]);
    expect(transposed.storedShape([3])).toEqual([3]);
  });

  it('brings the parts of all heads together, in weights and in biases', () => {
    // Two heads of width 2: q0 q0 k0 k0 v0 v0 q1 q1 k1 k1 v1 v1.
    const bias = Float32Array.of(10, 11, 20, 21, 30, 31, 12, 13, 22, 23, 32, 33);
    const expected = [10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33];
    expect([...headByHead(2).load(bias, [12])]).toEqual(expected);
    const weight = Float32Array.from([...bias].flatMap((v) => [v, -v]));
    expect([...headByHead(2).load(weight, [12, 2])]).toEqual(expected.flatMap((v) => [v, -v]));
  });

  it('adds one to an offset weight', () => {
    expect([...offsetByOne.load(Float32Array.of(0, -0.5), [2])]).toEqual([1, 0.5]);
  });
});
