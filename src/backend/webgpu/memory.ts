// Memory of the GPU: one buffer for each tensor, kept when it is freed and given to the next tensor of that size, because
// making buffers is slow. What is done to a buffer happens in the order in which it was enqueued, so that a buffer can
// change hands while work on it is still under way.

import { BackendError } from '../../errors.js';
import { bytesPerElement, type DType } from '../../tensor/dtype.js';
import { type Storage, Tensor } from '../../tensor/tensor.js';
import { checkAllocate } from '../shapes.js';
import { type Device, USAGE } from './device.js';

const STORAGE = USAGE.storage | USAGE.copySource | USAGE.copyTarget;
/** Freed buffers are kept up to so many bytes in all. */
const KEPT_BYTES = 512 * 2 ** 20;

let serial = 0;

/** A buffer with a number of its own. */
export class GpuBuffer {
  readonly id = serial++;
  /** The batch of commands that used it last, and the one that wrote it last, as the device counts them. */
  batch = -1;
  written = -1;
  /** That there was no room for it. */
  refusal: BackendError | undefined;
  /** Reads that have not copied all they want, each a function that does: whoever writes the buffer calls them first. */
  readonly reads = new Set<() => void>();

  constructor(
    readonly buffer: GPUBuffer,
    readonly size: number,
  ) {}
}

class GpuStorage implements Storage {
  freed = false;

  constructor(
    readonly memory: Memory,
    readonly held: GpuBuffer,
    readonly bytes: number,
  ) {}
}

export class Memory {
  /** Freed buffers, those last that were freed last. */
  readonly #kept = new Set<GpuBuffer>();
  /** The same ones by their size. */
  readonly #free = new Map<number, GpuBuffer[]>();
  #keptBytes = 0;
  /** Called with buffers that are no more. */
  onDestroy: (buffer: GpuBuffer) => void = () => {};
  /** Whether commands that are not submitted yet use a buffer. */
  inUse: (buffer: GpuBuffer) => boolean = () => false;

  constructor(readonly device: Device) {}

  allocate<D extends DType>(dtype: D, shape: readonly number[], purpose?: string): Tensor<D> {
    const { bytes, size } = this.#sizesOf(dtype, shape);
    const held = this.#reuse(size) ?? this.#make(size, purpose ?? `a tensor of ${dtype} [${shape}]`);
    return new Tensor(new GpuStorage(this, held, bytes), dtype, [...shape]);
  }

  /** A tensor of memory that is there for certain; undefined where the GPU has none left. */
  async tryAllocate<D extends DType>(
    dtype: D,
    shape: readonly number[],
    purpose: string,
  ): Promise<Tensor<D> | undefined> {
    const { bytes, size } = this.#sizesOf(dtype, shape);
    let held = this.#reuse(size);
    if (!held) {
      const buffer = await this.device.tryCreateBuffer(size, STORAGE, purpose);
      held = buffer && new GpuBuffer(buffer, size);
    }
    return held && new Tensor(new GpuStorage(this, held, bytes), dtype, [...shape]);
  }

  free(tensor: Tensor): void {
    const held = this.#heldBy(tensor);
    (tensor.storage as GpuStorage).freed = true;
    if (held.refusal) {
      this.#destroy(held);
      return;
    }
    const same = this.#free.get(held.size);
    if (same) same.push(held);
    else this.#free.set(held.size, [held]);
    this.#kept.add(held);
    this.#keptBytes += held.size;
    this.sweep();
  }

  /** The buffer of a live tensor of this backend. Errors: there was no room for it. */
  of(tensor: Tensor): GpuBuffer {
    const held = this.#heldBy(tensor);
    if (held.refusal) this.device.refuse(held.refusal);
    return held;
  }

  #heldBy({ storage, dtype, shape }: Tensor): GpuBuffer {
    if (storage instanceof GpuStorage && storage.memory === this && !storage.freed) return storage.held;
    const got = storage instanceof GpuStorage && storage.memory === this ? 'one that has been freed' : 'one of another';
    throw new BackendError({ expected: 'a tensor of this webgpu backend', got, where: `${dtype} [${shape}]` });
  }

  /** Destroys freed buffers beyond what is kept, the oldest first; one in use serves again before it can be destroyed. */
  sweep(): void {
    if (this.#keptBytes <= KEPT_BYTES) return;
    for (const held of this.#kept) {
      if (this.inUse(held) || held.reads.size > 0) continue;
      const same = this.#free.get(held.size)!;
      same.splice(same.indexOf(held), 1);
      this.#forget(held);
      this.#destroy(held);
      if (this.#keptBytes <= KEPT_BYTES) return;
    }
  }

  /** Bytes of a tensor, and of the buffer for it. */
  #sizesOf(dtype: DType, shape: readonly number[]): { bytes: number; size: number } {
    this.device.check();
    checkAllocate(shape);
    const bytes = shape.reduce((a, b) => a * b, 1) * bytesPerElement[dtype];
    return { bytes, size: rounded(bytes, this.device.bufferBytes) };
  }

  #reuse(size: number): GpuBuffer | undefined {
    const held = this.#free.get(size)?.pop();
    if (!held) return undefined;
    this.#forget(held);
    if (held.refusal) {
      this.#destroy(held);
      return this.#reuse(size);
    }
    held.written = -1;
    return held;
  }

  #make(size: number, purpose: string): GpuBuffer {
    const buffer = this.device.createBuffer(size, STORAGE, purpose, (error) => {
      held.refusal = error;
    });
    const held = new GpuBuffer(buffer, size);
    return held;
  }

  #destroy(held: GpuBuffer): void {
    this.onDestroy(held);
    held.buffer.destroy();
  }

  #forget(held: GpuBuffer): void {
    this.#kept.delete(held);
    this.#keptBytes -= held.size;
  }
}

/** Sizes of which there are few: the next of eight steps between two powers of two. */
function rounded(bytes: number, most: number): number {
  const least = Math.max(256, bytes);
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(least)) - 3));
  const size = Math.ceil(least / step) * step;
  return size > most ? Math.ceil(least / 4) * 4 : size;
}
