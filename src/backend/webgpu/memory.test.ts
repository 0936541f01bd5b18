// What memory is made, reused and destroyed: on a device that only counts.

import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../tensor/tensor.js';
import type { Device } from './device.js';
import { type GpuBuffer, Memory } from './memory.js';

const MIB = 2 ** 20;

/** Memory, the sizes in MiB of what was made and destroyed, and a batch that uses what it is told. */
function counted() {
  const [made, destroyed]: number[][] = [[], []];
  const device = {
    bufferBytes: 2 ** 32,
    check() {},
    createBuffer(size: number) {
      made.push(size / MIB);
      return { destroy: () => destroyed.push(size / MIB) };
    },
  };
  const memory = new Memory(device as unknown as Device);
  const used = new Set<GpuBuffer>();
  memory.inUse = (held) => used.has(held);
  const allocate = (mebibytes: number) => memory.allocate('i8', [mebibytes * MIB]);
  const use = (tensor: Tensor) => used.add(memory.of(tensor));
  const flush = () => {
    used.clear();
    memory.sweep();
  };
  return { memory, made, destroyed, allocate, use, flush };
}

describe('freed memory', () => {
  it('serves again in the batch that uses it, also where more is kept than is meant to be', () => {
    const { memory, made, destroyed, allocate, use, flush } = counted();
    const others = [1, 2, 3, 4].map((n) => allocate(128 + 16 * n));
    for (const tensor of others) {
      use(tensor);
      memory.free(tensor);
    }
    for (let i = 0; i < 300; i++) {
      const scratch = allocate(64);
      use(scratch);
      memory.free(scratch);
    }
    expect(made).toEqual([144, 160, 176, 192, 64]);
    expect(destroyed).toEqual([]);
    flush();
    expect(destroyed).toEqual([144, 160]);
  });

  it('makes room by what has been idle longest', () => {
    const { memory, destroyed, allocate } = counted();
    const some = [128, 144, 160].map(allocate);
    for (const tensor of some) memory.free(tensor);
    memory.free(allocate(128));
    expect(destroyed).toEqual([]);
    memory.free(allocate(192));
    expect(destroyed).toEqual([144]);
  });

  it('is destroyed at once where it alone is too large, and tells whoever keeps what is made of it', () => {
    const { memory, destroyed, allocate } = counted();
    const gone: GpuBuffer[] = [];
    memory.onDestroy = (held) => gone.push(held);
    const large = allocate(1024);
    const held = memory.of(large);
    memory.free(large);
    expect(destroyed).toEqual([1024]);
    expect(gone).toEqual([held]);
    expect(memory.of(allocate(1024))).not.toBe(held);
  });
});
