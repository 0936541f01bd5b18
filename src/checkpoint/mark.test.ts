// A mark depends on the bytes of its range, on nothing around it and not on the pieces in which they come.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Mark } from './mark.js';

/** The mark of bytes [begin, end), which come in pieces of `step` bytes. */
function markOf(bytes: Uint8Array, begin: number, end: number, step: number): string {
  const mark = new Mark(begin, end);
  for (let at = 0; at < bytes.length; at += step) mark.add(bytes.subarray(at, at + step), at);
  return mark.text;
}

const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 });

it('equal bytes have equal marks, wherever they lie', () => {
  fc.assert(
    fc.property(bytes, bytes, fc.integer({ min: 1, max: 50 }), (range, before, step) => {
      const file = Uint8Array.from([...before, ...range, ...before]);
      const alone = markOf(range, 0, range.length, range.length);
      expect(markOf(file, before.length, before.length + range.length, step)).toBe(alone);
    }),
  );
});

it('a changed bit changes it', () => {
  fc.assert(
    fc.property(bytes, fc.nat(), fc.nat(7), (range, place, bit) => {
      const changed = range.slice();
      changed[place % range.length] ^= 1 << bit;
      expect(markOf(changed, 0, range.length, 7)).not.toBe(markOf(range, 0, range.length, 7));
    }),
  );
});
