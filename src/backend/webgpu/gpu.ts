// What the operations of this backend are written against: kernels to run, scratch memory, and the sizes that a device
// allows. An operand larger than a binding is met in pieces of rows.

import type { DType } from '../../tensor/dtype.js';
import { bytesPerElement } from '../../tensor/dtype.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Device } from './device.js';
import type { Kernel } from './kernel.js';
import type { Memory } from './memory.js';
import type { Recorder } from './recorder.js';

/** Bytes by which a binding may begin before its operand. */
const SLACK = 512;

export class Gpu {
  constructor(
    readonly device: Device,
    readonly memory: Memory,
    readonly recorder: Recorder,
  ) {}

  run(
    kernel: Kernel,
    operands: readonly (Tensor | null)[],
    params: Readonly<Record<string, number>>,
    groups: number,
  ): void {
    this.recorder.run(kernel, operands, params, groups);
  }

  /** Lends memory to what runs inside; it may be used again as soon as that has been enqueued. */
  withScratch<D extends DType>(dtype: D, shape: readonly number[], use: (scratch: Tensor<D>) => void): void {
    const scratch = this.memory.allocate(dtype, shape, `scratch memory [${shape}]`);
    try {
      use(scratch);
    } finally {
      this.memory.free(scratch);
    }
  }

  /** Rows [from, to) of matrices with as many rows, whole multiples of `multiple` where so many fit a binding. */
  pieces(rows: number, tensors: readonly (Tensor | null)[], multiple = 1): readonly [from: number, to: number][] {
    let most = rows;
    for (const tensor of tensors) {
      if (tensor === null || this.fits(tensor)) continue;
      const row = (tensor.size / rows) * bytesPerElement[tensor.dtype];
      most = Math.min(most, Math.floor((this.device.bindingBytes - SLACK) / row));
    }
    const step = most === rows ? rows : Math.max(1, most < multiple ? most : most - (most % multiple));
    const pieces: [number, number][] = [];
    for (let from = 0; from < rows; from += step) pieces.push([from, Math.min(from + step, rows)]);
    return pieces;
  }

  /** Whether a tensor can be bound as a whole. */
  fits(tensor: Tensor): boolean {
    return (
      this.memory.of(tensor).size <= this.device.bindingBytes ||
      tensor.size * bytesPerElement[tensor.dtype] <= this.device.bindingBytes - SLACK
    );
  }
}
