// Python's `random`, as far as the published calibration draw and the harness use it: the same seed must give the same. MT19937
// (Matsumoto and Nishimura 1998, `init_by_array`) under CPython's `getrandbits` and `_randbelow_with_getrandbits`.

import { UsageError } from '../errors.js';

const size = 624;
const middle = 397;

/** The generator of `random.Random(seed)` for an integer seed. */
export class PythonRandom {
  private readonly state = new Uint32Array(size);
  private index = size;

  /** @param seed a non-negative integer of any size (of a negative one Python takes the absolute value) */
  constructor(seed: number | bigint) {
    if (typeof seed === 'number' && !Number.isSafeInteger(seed))
      throw new UsageError(`expected a whole number as seed, got ${seed}`);
    if (seed < 0) throw new UsageError(`expected a seed of 0 or more, got ${seed}`);
    const key: number[] = [];
    let rest = BigInt(seed);
    do {
      key.push(Number(rest & 0xffffffffn));
      rest >>= 32n;
    } while (rest > 0n);
    this.seedByArray(key);
  }

  /** A random integer of `bits` bits; of more than 53 the caller gets the nearest double. */
  getrandbits(bits: number): number {
    if (!Number.isInteger(bits) || bits < 1) throw new UsageError(`expected 1 or more random bits, got ${bits}`);
    let value = 0;
    let weight = 1;
    // Words from the lowest to the highest, the last one from its upper bits, as CPython does.
    for (let left = bits; left > 0; left -= 32) {
      value += (left >= 32 ? this.word() : this.word() >>> (32 - left)) * weight;
      weight *= 2 ** 32;
    }
    return value;
  }

  /** A random integer from `low` to `high`, both included; at most 2⁵³ - 1 of them. */
  randint(low: number, high: number): number {
    const count = high - low + 1;
    if (!Number.isSafeInteger(low) || !Number.isSafeInteger(count) || count < 1)
      throw new UsageError(`expected a range of whole numbers, got ${low} to ${high}`);
    const bits = count.toString(2).length;
    for (;;) {
      const value = this.getrandbits(bits);
      if (value < count) return low + value;
    }
  }

  /**
   * What the next `words` words of 32 bits would each give for `randint(0, count - 1)`, those left out that it would draw
   * again for; `count` below 2³². The generator does not move. Whichever of the words later draws take for something else,
   * the numbers that they draw below `count` are among these, as far as the words reach.
   */
  ahead(count: number, words: number): number[] {
    const [state, { index }] = [this.state.slice(), this];
    const bits = count.toString(2).length;
    const numbers: number[] = [];
    for (let i = 0; i < words; i++) {
      const value = this.getrandbits(bits);
      if (value < count) numbers.push(value);
    }
    this.state.set(state);
    this.index = index;
    return numbers;
  }

  /** A number from 0 up to 1, of 53 random bits. */
  random(): number {
    const high = this.word() >>> 5;
    return (high * 2 ** 26 + (this.word() >>> 6)) / 2 ** 53;
  }

  /** `count` different items of `population`, in random order. */
  sample<T>(population: readonly T[], count: number): T[] {
    const n = population.length;
    if (!Number.isInteger(count) || count < 0 || count > n)
      throw new UsageError(`expected a sample of 0 to ${n} items, got ${count}`);
    // CPython keeps the shorter of two lists: of what is left, or of what was taken.
    const setSize = 21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0);
    if (n <= setSize) {
      const left = [...population];
      return Array.from({ length: count }, (_, i) => {
        const at = this.randint(0, n - i - 1);
        const item = left[at];
        left[at] = left[n - i - 1];
        return item;
      });
    }
    const taken = new Set<number>();
    while (taken.size < count) taken.add(this.randint(0, n - 1));
    return [...taken].map((at) => population[at]);
  }

  private seedByArray(key: readonly number[]): void {
    const mt = this.state;
    mt[0] = 19650218;
    for (let i = 1; i < size; i++) mt[i] = Math.imul(1812433253, mt[i - 1] ^ (mt[i - 1] >>> 30)) + i;
    let i = 1;
    const step = (multiplier: number, add: number) => {
      mt[i] = (mt[i] ^ Math.imul(mt[i - 1] ^ (mt[i - 1] >>> 30), multiplier)) + add;
      if (++i === size) {
        mt[0] = mt[size - 1];
        i = 1;
      }
    };
    for (let k = 0; k < Math.max(size, key.length); k++) step(1664525, key[k % key.length] + (k % key.length));
    for (let k = 1; k < size; k++) step(1566083941, -i);
    mt[0] = 0x80000000;
  }

  /** The next 32 bits. */
  private word(): number {
    if (this.index === size) this.refill();
    let y = this.state[this.index++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private refill(): void {
    const mt = this.state;
    for (let i = 0; i < size; i++) {
      const y = (mt[i] & 0x80000000) | (mt[(i + 1) % size] & 0x7fffffff);
      mt[i] = mt[(i + middle) % size] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.index = 0;
  }
}
