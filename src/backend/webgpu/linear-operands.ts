// What the kernels of products with a weight matrix have in common: their operands, and four columns of a row at once.

import type { Element, KernelOperand } from './kernel.js';

/** y, x, the weight w of a type, and the bias b; `inFours`: x and w are read four columns at a time. */
export const operandsOf = (type: Element, inFours: boolean): KernelOperand[] => [
  { name: 'y', type: 'f32', writes: true },
  { name: 'x', type: inFours ? 'f32x4' : 'f32' },
  { name: 'w', type: inFours ? (`${type}x4` as Element) : type },
  { name: 'b', type: 'f32' },
];

/** `four_NAME(row, c)`: four columns of a row, 0 beyond the last. */
export const fourOf = (name: string, inFours: boolean): string =>
  inFours
    ? `fn four_${name}(row: u32, c: u32) -> vec4f { return get_${name}(row * (p.columns / 4) + c / 4); }`
    : `fn four_${name}(row: u32, c: u32) -> vec4f {
  let i = row * p.columns + c;
  var v = vec4f(get_${name}(i), 0.0, 0.0, 0.0);
  if (c + 1 < p.columns) { v.y = get_${name}(i + 1); }
  if (c + 2 < p.columns) { v.z = get_${name}(i + 2); }
  if (c + 3 < p.columns) { v.w = get_${name}(i + 3); }
  return v;
}`;
