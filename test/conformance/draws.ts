// Seeded random numbers, so that every backend sees the same operands in every run.

/** Uniform in [0, 1): a 32-bit counter, scrambled. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** A different seed for every name. */
export function seedOf(name: string): number {
  let seed = 7;
  for (const letter of name) seed = (Math.imul(seed, 31) + letter.charCodeAt(0)) >>> 0;
  return seed;
}

/** How an element is drawn; `index` counts the elements of its tensor. */
export type Draw = (random: () => number, index: number) => number;

/** Standard normal. */
export const normal: Draw = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Normal, with a size anywhere between a thousandth and a thousand. */
export const mixed: Draw = (random, index) => normal(random, index) * 10 ** (6 * random() - 3);

/** Uniform in [low, high). */
export const uniform =
  (low: number, high: number): Draw =>
  (random) =>
    low + (high - low) * random();

/** Whole numbers low … high. */
export const whole =
  (low: number, high: number): Draw =>
  (random) =>
    low + Math.floor((high - low + 1) * random());

/** One of the given values: three of them make a matrix full of ties. */
export const oneOf =
  (...values: number[]): Draw =>
  (random) =>
    values[Math.floor(values.length * random())];

/** Given values in order, from the start again when they run out. */
export const listed =
  (...values: number[]): Draw =>
  (_, index) =>
    values[index % values.length];
