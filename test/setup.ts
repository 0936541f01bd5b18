// Shared by all tests: where the reference values lie, and the matcher that compares arrays of numbers.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

/** Folder of reference values beside the checkout; absent on most machines. */
export const shared = fileURLToPath(new URL('../../shared/', import.meta.url));

/** For `describe.skipIf`: true where the reference values are absent; says so once. */
export const noShared = !existsSync(shared);
if (noShared) console.warn(`skipped, no reference values at ${shared}: tests that compare with them`);

expect.extend({
  /** Every element within `absolute + relative·|expected|`. */
  toBeAllClose(got: ArrayLike<number>, expected: ArrayLike<number>, absolute = 1e-5, relative = 1e-5) {
    let worst = 0;
    let at = -1;
    for (let i = 0; i < expected.length; i++) {
      const excess = Math.abs(got[i] - expected[i]) / (absolute + relative * Math.abs(expected[i]));
      if (!(excess <= worst)) {
        worst = Number.isNaN(excess) ? Infinity : excess;
        at = i;
      }
    }
    const sameLength = got.length === expected.length;
    return {
      pass: sameLength && worst <= 1,
      message: () =>
        sameLength
          ? `element ${at} is ${got[at]}, expected ${expected[at]} (${worst} times the tolerance)`
          : `length ${got.length}, expected ${expected.length}`,
    };
  },
});

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: vitest declares the type parameter so
  interface Assertion<T = any> {
    toBeAllClose(expected: ArrayLike<number>, absolute?: number, relative?: number): T;
  }
}
