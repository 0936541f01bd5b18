// Reading ahead shows in the number of reads, never in what is read.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AheadFile } from './ahead-file.js';
import { openContent } from './content.js';

const size = 3_000_000;
const content = Uint8Array.from({ length: size }, (_, i) => (i * 2654435761) >>> 13);

function counted() {
  const file = openContent(content, 'weights');
  const reads: number[] = [];
  const fill = file.fill.bind(file);
  file.fill = (begin, into, where, signal) => {
    reads.push(into.length);
    return fill(begin, into, where, signal);
  };
  return { file: new AheadFile(file), reads };
}

it('gives the bytes that are there, in whatever order they are asked for', async () => {
  const range = fc.tuple(fc.nat(size), fc.oneof(fc.nat(1000), fc.nat(400_000)));
  await fc.assert(
    fc.asyncProperty(fc.array(range, { minLength: 1, maxLength: 8 }), async (ranges) => {
      const { file } = counted();
      for (const [begin, length] of ranges) {
        const into = new Uint8Array(Math.min(length, size - begin));
        await file.fill(begin, into, 'weights');
        expect(Buffer.compare(into, content.subarray(begin, begin + into.length))).toBe(0);
      }
    }),
    { numRuns: 50 },
  );
});

it('reads what lies together at once, and what is large by itself', async () => {
  const { file, reads } = counted();
  for (let begin = 0; begin < 100_000; begin += 1000) await file.fill(begin, new Uint8Array(1000), 'weights');
  await file.fill(500_000, new Uint8Array(2_000_000), 'weights');
  expect(reads).toEqual([512 * 1024, 2_000_000]);
});

it('gives what was asked for to each of some who ask at once, again and again', async () => {
  const range = fc.tuple(fc.nat(size - 1000), fc.integer({ min: 1, max: 1000 }));
  const wave = fc.array(range, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.array(wave, { minLength: 2, maxLength: 8 }), fc.scheduler(), async (waves, scheduler) => {
      const file = openContent(content, 'weights');
      const late = scheduler.scheduleFunction(async () => {});
      const fill = file.fill.bind(file);
      file.fill = async (begin, into, where, signal) => {
        await fill(begin, into.subarray(0, into.length >> 1), where, signal);
        await late();
        await fill(begin + (into.length >> 1), into.subarray(into.length >> 1), where, signal);
      };
      const ahead = new AheadFile(file);
      for (const ranges of waves) {
        const asked = ranges.map(async ([begin, length]) => {
          const into = new Uint8Array(length);
          await ahead.fill(begin, into, 'weights');
          expect(Buffer.compare(into, content.subarray(begin, begin + length))).toBe(0);
        });
        await scheduler.waitFor(Promise.all(asked));
      }
    }),
    { numRuns: 50 },
  );
});

it('reads on through the same memory', async () => {
  const file = openContent(content, 'weights');
  const memories = new Set<ArrayBufferLike>();
  const fill = file.fill.bind(file);
  file.fill = (begin, into, where, signal) => {
    memories.add(into.buffer);
    return fill(begin, into, where, signal);
  };
  const ahead = new AheadFile(file);
  for (const begin of [0, 1_100_000, 5, 2_990_000, 700_000]) {
    const into = new Uint8Array(1000);
    await ahead.fill(begin, into, 'weights');
    expect(Buffer.compare(into, content.subarray(begin, begin + 1000))).toBe(0);
  }
  expect(memories.size).toBe(2);
});

it('says where a file ends that is asked for more', async () => {
  const { file } = counted();
  await expect(file.fill(size - 10, new Uint8Array(20), 'weights, tensor "a"')).rejects.toThrow(
    `expected data up to byte ${size + 10}, got a file that ends at ${size}, in weights, tensor "a"`,
  );
});
