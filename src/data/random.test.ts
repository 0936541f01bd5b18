import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noShared, shared } from '../../test/setup.js';
import { PythonRandom } from './random.js';

const times = <T>(n: number, f: () => T) => Array.from({ length: n }, f);

describe('PythonRandom', () => {
  // python3 -c "import random; r = random.Random(0); print([r.randint(0, 999) for _ in range(5)])"
  it('is the generator of Python', () => {
    const random = new PythonRandom(0);
    expect(times(5, () => random.randint(0, 999))).toEqual([864, 394, 776, 911, 430]);
  });

  // r = random.Random(2**40+7); print([r.randint(0, 2**40) for _ in range(3)])
  // r = random.Random(10**40); print([r.randint(-5, 5) for _ in range(8)])
  it('takes seeds of any size', () => {
    for (const seed of [2 ** 40 + 7, 2n ** 40n + 7n]) {
      const random = new PythonRandom(seed);
      expect(times(3, () => random.randint(0, 2 ** 40))).toEqual([551799892330, 797660323531, 972351302369]);
    }
    const random = new PythonRandom(10n ** 40n);
    expect(times(8, () => random.randint(-5, 5))).toEqual([0, -3, -2, -2, 2, -3, -4, 1]);
  });

  // r = random.Random(42); print([r.getrandbits(53) for _ in range(3)], r.getrandbits(1), r.getrandbits(32))
  it('gives bits of any number', () => {
    const random = new PythonRandom(42);
    expect(times(3, () => random.getrandbits(53))).toEqual([1002783120652701, 6679292727990993, 2205789010285143]);
    expect([random.getrandbits(1), random.getrandbits(32)]).toEqual([0, 599310825]);
  });

  // r = random.Random(5); print([r.random() for _ in range(3)])
  it('gives numbers between 0 and 1', () => {
    const random = new PythonRandom(5);
    expect(times(3, () => random.random())).toEqual([0.6229016948897019, 0.7417869892607294, 0.7951935655656966]);
  });

  // r = random.Random(seed); print(r.sample(range(n), k), r.sample(range(n), k))
  it.each([
    [1234, 100, 5, [99, 56, 14, 0, 11], [74, 4, 85, 88, 10]],
    [1234, 10, 10, [7, 1, 0, 9, 4, 6, 5, 3, 8, 2], [0, 9, 8, 2, 5, 4, 3, 6, 1, 7]],
    [1, 21, 3, [4, 18, 2], [8, 3, 15]],
    [1, 22, 3, [4, 18, 2], [8, 3, 15]],
    [7, 85, 6, [41, 19, 50, 6, 9, 68], [12, 46, 74, 7, 64, 27]],
    [7, 86, 6, [41, 19, 50, 83, 6, 9], [68, 12, 46, 74, 7, 64]],
    [1234, 2490, 6, [1805, 478, 30, 371, 2384, 143], [343, 403, 1452, 969, 71, 126]],
  ])('samples as Python does (seed %i, %i items, %i of them)', (seed, n, k, first, second) => {
    const random = new PythonRandom(seed);
    const items = Array.from({ length: n }, (_, i) => i);
    expect([random.sample(items, k), random.sample(items, k)]).toEqual([first, second]);
  });

  it('refuses what Python would take otherwise', () => {
    expect(() => new PythonRandom(0).sample([1, 2], 3)).toThrow('expected a sample of 0 to 2 items, got 3');
    expect(() => new PythonRandom(-1)).toThrow('expected a seed of 0 or more, got -1');
    expect(() => new PythonRandom(1.5)).toThrow('expected a whole number as seed, got 1.5');
    expect(() => new PythonRandom(0).randint(1, 0)).toThrow('expected a range of whole numbers, got 1 to 0');
    expect(() => new PythonRandom(0).getrandbits(0)).toThrow('expected 1 or more random bits, got 0');
  });
});

describe.skipIf(noShared)('the reference draw', () => {
  it('agrees for every seed', async () => {
    const draw = JSON.parse(await readFile(join(shared, 'reference/draw.json'), 'utf8'));
    for (const { seed, low, high, values } of draw.randint) {
      const random = new PythonRandom(seed);
      const got = values.map((_: number, i: number) => random.randint(low, high[i % high.length]));
      expect(got).toEqual(values);
    }
    for (const { seed, bits, values } of draw.getrandbits) {
      const random = new PythonRandom(seed);
      expect(times(1300, () => random.getrandbits(bits)).slice(-20)).toEqual(values);
    }
  });
});
