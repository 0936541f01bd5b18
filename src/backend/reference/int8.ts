// What int8 weights and the tokens that meet them stand for, as numbers.

import type { Int8Matrix } from '../../tensor/int8-matrix.js';
import type { Tensor } from '../../tensor/tensor.js';
import { elements } from './storage.js';

/** The nearest whole number, of two the even one. */
export function nearestEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

/** Entries, row by row. */
export function entriesOf({ values, scale, columns }: Int8Matrix): Float64Array {
  const steps = elements(scale);
  return elements(values).map((value, i) => value * steps[Math.floor(i / columns)]);
}

/** x with every token rounded to 32767 steps on either side, each of these operations in f32. */
export function roundTokens(x: Tensor<'f32'>): Float64Array {
  const { columns } = x;
  const rounded = Float64Array.from(elements(x));
  for (let begin = 0; begin < rounded.length; begin += columns) {
    const token = rounded.subarray(begin, begin + columns);
    const most = token.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const step = Math.fround(most / 32767);
    for (const [c, v] of token.entries())
      token[c] = most === 0 ? 0 : nearestEven(Math.fround(Math.fround(v / most) * 32767)) * step;
  }
  return rounded;
}
