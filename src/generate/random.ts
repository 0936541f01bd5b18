// Random numbers for sampling: seeded, and the same on every machine. xoshiro128** 1.1 (Blackman and Vigna 2018) works
// on 32-bit integers only, which JavaScript computes exactly; its state comes from the seed through splitmix32.

import { UsageError } from '../errors.js';

const rotateLeft = (x: number, by: number) => (x << by) | (x >>> (32 - by));

/** A stream of numbers that depends on the seed and on nothing else. */
export class SeededRandom {
  private readonly state: Uint32Array;

  /** @param seed a whole number from 0 to 2⁵³ - 1 */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new UsageError(`expected a seed from 0 to ${Number.MAX_SAFE_INTEGER} (a whole number), got ${seed}`);
    // The upper half of the seed moves the start, so that seeds above 2³² differ from those below.
    const low = splitmix32(seed >>> 0);
    const high = splitmix32(Math.floor(seed / 2 ** 32) ^ 0x5bd1e995);
    this.state = Uint32Array.of(low() ^ high(), low(), high(), low());
  }

  /** A double in [0, 1) with 53 random bits. */
  next(): number {
    const high = this.word() >>> 5;
    const low = this.word() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** The next 32 bits. */
  private word(): number {
    const s = this.state;
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }
}

function splitmix32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
}
