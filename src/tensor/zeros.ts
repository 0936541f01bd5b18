// How much of a matrix is zero: what pruning did, and what a sparse form saves.

import { CARRIES, pairsOf } from './pairs.js';

/** How many of values[from … to) are 0 (or −0): numbers, or patterns of bf16 or f16. */
export function countZeros(values: Float32Array | Uint16Array, from = 0, to = values.length): number {
  const even = from % 2 === 0 && to % 2 === 0;
  return zerosIn(values, even)(from, to);
}

/** The same for many stretches; with `even`, which all begin and end at even places, two at a time. */
export function zerosIn(values: Float32Array | Uint16Array, even: boolean): (from: number, to: number) => number {
  if (values instanceof Float32Array)
    return (from, to) => {
      let zeros = 0;
      for (let i = from; i < to; i++) if (values[i] === 0) zeros++;
      return zeros;
    };
  const pairs = even ? pairsOf(values) : null;
  if (!pairs)
    return (from, to) => {
      let zeros = 0;
      for (let i = from; i < to; i++) if ((values[i] & 0x7fff) === 0) zeros++;
      return zeros;
    };
  return (from, to) => {
    let zeros = 0;
    for (let i = from >>> 1; i < to >>> 1; i++) {
      const sizes = pairs[i] & 0x7fff7fff;
      // Carries where a half is not 0; the bit that is moved out of it counts too.
      const carries = ((((sizes >>> 1) & 0x3fff3fff) | (sizes & 0x00010001)) + 0x3fff3fff) & CARRIES;
      if (carries !== CARRIES) zeros += carries === 0 ? 2 : 1;
    }
    return zeros;
  };
}
