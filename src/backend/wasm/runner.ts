// What an operation of several kernels works with, so that it can live in a file of its own beside wasm.ts.

import type { DType } from '../../tensor/dtype.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { KernelName } from './kernels.js';

/** An operand of a kernel: a tensor (by address), a number as it is, or null for "none". */
export type Operand = Tensor | number | null;

/** Memory for an operation's own use, and kernels that run on it. */
export interface KernelRunner {
  /** Threads that may take part in a kernel. */
  readonly threads: number;
  /** Bytes that every arena has beside its tensors: so large the operands brought to one kernel may be. */
  readonly reserve: number;
  /** As the backend's; an error says what the memory was for. */
  allocate<D extends DType>(dtype: D, shape: readonly number[], purpose?: string): Tensor<D>;
  free(tensor: Tensor): void;
  /**
   * Runs a kernel over `units` units of about `work` multiply-adds each, with `scratch` bytes for each thread. Of the
   * operands only `output` is written, and what shares its storage: views of one allocation are never moved apart.
   */
  run(
    kernel: KernelName,
    units: number,
    work: number,
    output: Tensor | Tensor[],
    operands: Operand[],
    scratch?: number,
  ): void;
}
