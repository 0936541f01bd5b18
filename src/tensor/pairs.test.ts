// Going over patterns two at a time gives what one at a time gives: every pattern in either half, and rows at odd places.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkFinite } from '../checkpoint/float-dtype.js';
import { pairsOf } from './pairs.js';
import { liftF16 } from './weights16.js';
import { countZeros } from './zeros.js';

/** The same patterns at a place where they do not lie in pairs. */
function apart(patterns: Uint16Array): Uint16Array {
  const moved = new Uint16Array(patterns.length + 1).subarray(1);
  moved.set(patterns);
  return moved;
}

const finite = (patterns: Uint16Array, dtype: 'BF16' | 'F16') => {
  try {
    checkFinite(patterns, dtype, 0, 'x');
    return null;
  } catch (error) {
    return (error as Error).message;
  }
};

const asks: Record<string, (patterns: Uint16Array) => unknown> = {
  liftF16: (patterns) => liftF16(patterns),
  countZeros: (patterns) => countZeros(patterns),
  'checkFinite of F16': (patterns) => finite(patterns, 'F16'),
  'checkFinite of BF16': (patterns) => finite(patterns, 'BF16'),
};

describe.each(Object.entries(asks))('%s', (_, ask) => {
  it('of every pattern in either half of a pair, beside zeros and numbers', () => {
    const complaints: string[] = [];
    for (let pattern = 0; pattern < 65536; pattern++)
      for (const other of [0, 0x3e80])
        for (const pair of [Uint16Array.of(pattern, other), Uint16Array.of(other, pattern)]) {
          const [got, expected] = [JSON.stringify(ask(pair)), JSON.stringify(ask(apart(pair)))];
          if (got !== expected) complaints.push(`${pair}: ${got}, expected ${expected}`);
        }
    expect(complaints.slice(0, 3)).toEqual([]);
  });

  it('of any patterns', () => {
    fc.assert(
      fc.property(fc.uint16Array({ maxLength: 40 }), (patterns) => {
        expect(ask(patterns)).toEqual(ask(apart(patterns)));
      }),
    );
  });
});

it('what lies at an odd place, or is odd in number, has no pairs', () => {
  expect(pairsOf(Uint16Array.of(1, 2))).toEqual(Int32Array.of(0x20001));
  expect(pairsOf(Uint16Array.of(1, 2, 3))).toBeNull();
  expect(pairsOf(apart(Uint16Array.of(1, 2)))).toBeNull();
});
