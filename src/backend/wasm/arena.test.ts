// The allocator: whatever is allocated and freed in whatever order, no two stretches share a byte, and all that was given
// back can be had again in one piece.

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelFiles } from '../../kernel-files.js';
import { Arena, type ArenaOptions } from './arena.js';
import { compileKernels } from './compile-kernels.js';

const MiB = 1 << 20;
let module: WebAssembly.Module;
beforeAll(async () => {
  ({ module } = await compileKernels({ simd: 'plain', shared: false }, kernelFiles));
});
const arena = (options: Partial<ArenaOptions> = {}) =>
  new Arena({ index: 0, module, shared: false, maximumBytes: 8 * MiB, ...options });

interface Stretch {
  at: number;
  bytes: number;
}

/** A number: allocate so many bytes; { free }: give back one of those that are out. */
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 200_000 })) },
    { weight: 2, arbitrary: fc.record({ free: fc.nat() }) },
  ),
  { maxLength: 80 },
);

describe('the arena', () => {
  it('hands out stretches that never overlap, are aligned, inside the memory, and never at 0', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const a = arena();
        const out: Stretch[] = [];
        for (const step of all) {
          if (typeof step === 'object') {
            const [gone] = out.length ? out.splice(step.free % out.length, 1) : [];
            if (gone) a.free(gone.at, gone.bytes);
            continue;
          }
          const at = a.allocate(step);
          if (at === null) continue;
          expect(at % 64).toBe(0);
          expect(at).toBeGreaterThan(0);
          expect(at + step).toBeLessThanOrEqual(a.memory.buffer.byteLength);
          for (const other of out)
            expect(at + Math.max(step, 1) <= other.at || other.at + Math.max(other.bytes, 1) <= at).toBe(true);
          out.push({ at, bytes: step });
        }
      }),
      { numRuns: 60 },
    );
  });

  it('has it all back in one piece once all is freed, in any order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 40 }),
        fc.infiniteStream(fc.nat()),
        (sizes, picks) => {
          const a = arena();
          const out = sizes.map((bytes) => ({ bytes, at: a.allocate(bytes)! }));
          const first = Math.min(...out.map(({ at }) => at));
          const total = Math.max(...out.map(({ at, bytes }) => at + Math.max(64, Math.ceil(bytes / 64) * 64))) - first;
          while (out.length) {
            const [{ at, bytes }] = out.splice((picks.next().value as number) % out.length, 1);
            a.free(at, bytes);
          }
          const before = a.memory.buffer.byteLength;
          expect(a.allocate(total)).toBe(first);
          expect(a.memory.buffer.byteLength).toBe(before);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps what was written when it grows', () => {
    const a = arena();
    const at = a.allocate(1000)!;
    new Uint8Array(a.memory.buffer, at, 1000).fill(7);
    a.allocate(3 * MiB);
    expect(new Uint8Array(a.memory.buffer, at, 1000).every((v) => v === 7)).toBe(true);
  });

  it('extends a free stretch at its end instead of leaving it behind', () => {
    const a = arena({ maximumBytes: MiB });
    const whole = a.allocate(600_000)!;
    a.free(whole, 600_000);
    // 600,000 and 800,000 bytes side by side would not fit.
    expect(a.allocate(800_000)).toBe(whole);
  });

  it('says null when it is full, and goes on working', () => {
    const a = arena({ maximumBytes: 4 * 65536 });
    expect(a.allocate(5 * 65536)).toBeNull();
    const at = a.allocate(3 * 65536)!;
    expect(at).not.toBeNull();
    expect(a.allocate(2 * 65536)).toBeNull();
    a.free(at, 3 * 65536);
    expect(a.allocate(3 * 65536)).toBe(at);
    expect(a.memory.buffer.byteLength).toBeLessThanOrEqual(4 * 65536);
  });

  it('keeps its last sixteenth for kernels, before and after they had it', () => {
    const a = arena({ maximumBytes: MiB });
    const most = MiB - MiB / 16 - 64; // the first 64 bytes stay unused
    const at = a.allocate(most)!;
    expect(at).not.toBeNull();
    expect(a.allocate(64)).toBeNull();
    const operand = a.allocate(MiB / 16, 'kernel')!;
    expect(operand).not.toBeNull();
    a.free(operand, MiB / 16);
    expect(a.allocate(64)).toBeNull();
    expect(a.allocate(MiB / 16, 'kernel')).toBe(operand);
  });

  it('is shared memory only when asked', async () => {
    expect(arena().memory.buffer).toBeInstanceOf(ArrayBuffer);
    const { module: shared } = await compileKernels({ simd: 'plain', shared: true }, kernelFiles);
    expect(arena({ module: shared, shared: true }).memory.buffer).toBeInstanceOf(SharedArrayBuffer);
  });
});
