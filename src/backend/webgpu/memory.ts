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
  /** The batch of commands that used it last, as the recorder counts them. */
  batch = -1;

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
  readonly #free = new Map<number, GpuBuffer[]>();
  #kept = 0;
  /** To be destroyed once what uses them has been submitted. */
  #condemned: GpuBuffer[] = [];
  /** Called with buffers that are no more. */
  onDestroy: (buffer: GpuBuffer) => void = () => {};
  /** Whether commands that are not submitted yet use a buffer. */
  inUse: (buffer: GpuBuffer) => boolean = () => false;

  constructor(readonly device: Device) {}

  allocate<D extends DType>(dtype: D, shape: readonly number[], purpose?: string): Tensor<D> {
    this.device.check();
    checkAllocate(shape);
    const bytes = shape.reduce((a, b) => a * b, 1) * bytesPerElement[dtype];
    const size = rounded(bytes, this.device.bufferBytes);
    let held = this.#free.get(size)?.pop();
    if (held) this.#kept -= size;
    else
      held = new GpuBuffer(this.device.createBuffer(size, STORAGE, purpose ?? `a tensor of ${dtype} [${shape}]`), size);
    return new Tensor(new GpuStorage(this, held, bytes), dtype, [...shape]);
  }

  free(tensor: Tensor): void {
    const held = this.of(tensor);
    (tensor.storage as GpuStorage).freed = true;
    if (this.#kept + held.size > KEPT_BYTES) {
      this.#condemned.push(held);
      if (!this.inUse(held)) this.sweep();
      return;
    }
    const same = this.#free.get(held.size);
    if (same) same.push(held);
    else this.#free.set(held.size, [held]);
    this.#kept += held.size;
  }

  /** The buffer of a live tensor of this backend. */
  of({ storage, dtype, shape }: Tensor): GpuBuffer {
    if (storage instanceof GpuStorage && storage.memory === this && !storage.freed) return storage.held;
    const got = storage instanceof GpuStorage && storage.memory === this ? 'one that has been freed' : 'one of another';
    throw new BackendError({ expected: 'a tensor of this webgpu backend', got, where: `${dtype} [${shape}]` });
  }

  /** Destroys what waits for nothing more. */
  sweep(): void {
    const waiting = this.#condemned.splice(0);
    for (const held of waiting) {
      if (this.inUse(held)) this.#condemned.push(held);
      else {
        this.onDestroy(held);
        held.buffer.destroy();
      }
    }
  }
}

/** Sizes of which there are few: the next of eight steps between two powers of two. */
function rounded(bytes: number, most: number): number {
  const least = Math.max(256, bytes);
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(least)) - 3));
  const size = Math.ceil(least / step) * step;
  return size > most ? Math.ceil(least / 4) * 4 : size;
}
