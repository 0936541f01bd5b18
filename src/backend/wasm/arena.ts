// One WebAssembly.Memory of at most 4 GiB and the allocator over it. Kernels allocate nothing: TypeScript decides
// where everything lies. A tensor is (arena, pointer); what does not fit into one arena goes to the next.

import { BackendError } from '../../errors.js';
import { KernelSet } from './kernels.js';

const PAGE = 65536;
const ALIGNMENT = 64;
/** One page short of 4 GiB, so that the end of a tensor is still a 32-bit address. */
export const MAXIMUM_BYTES = 65535 * PAGE;

/** Part of an arena that no tensor takes: operands of one kernel must find room beside the tensors that stay. */
export const RESERVE = 1 / 16;

export interface ArenaOptions {
  /** Number of this arena, by which threads name it to each other. */
  index: number;
  module: WebAssembly.Module;
  shared: boolean;
  maximumBytes: number;
}

interface Range {
  begin: number;
  end: number;
}

export class Arena {
  readonly index: number;
  #memory: WebAssembly.Memory | null;
  #kernels: KernelSet | null;
  readonly #maximum: number;
  /** Free ranges below the end of the memory, by address, never touching each other. */
  #free: Range[] = [];
  /** Address 0 means "none" to the kernels, so the first bytes stay unused. */
  #end = ALIGNMENT;

  constructor({ index, module, shared, maximumBytes }: ArenaOptions) {
    this.index = index;
    const maximum = Math.ceil(Math.min(maximumBytes, MAXIMUM_BYTES) / PAGE);
    this.#maximum = maximum * PAGE;
    try {
      this.#memory = new WebAssembly.Memory({ initial: 1, maximum, shared });
    } catch (cause) {
      throw new BackendError({
        expected: `address space for an arena of up to ${this.#maximum} bytes (raise the limit of virtual memory)`,
        got: (cause as Error).message,
        where: `arena ${index}`,
        cause,
      });
    }
    this.#kernels = new KernelSet(module, this.#memory);
  }

  get memory(): WebAssembly.Memory {
    return this.#memory ?? disposed();
  }

  get kernels(): KernelSet {
    return this.#kernels ?? disposed();
  }

  /** Lets the memory go, whoever still holds a tensor in it. */
  drop(): void {
    this.#memory = null;
    this.#kernels = null;
  }

  /**
   * Address of `bytes` of memory, or null where this arena has no such stretch left. Only short-lived memory may use the
   * reserve at the end.
   */
  allocate(bytes: number, lifetime: 'tensor' | 'kernel' = 'tensor'): number | null {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    const limit = lifetime === 'kernel' ? this.#maximum : this.#maximum * (1 - RESERVE);
    const i = this.#free.findIndex((range) => Math.min(range.end, limit) - range.begin >= size);
    if (i >= 0) {
      const range = this.#free[i];
      range.begin += size;
      if (range.begin === range.end) this.#free.splice(i, 1);
      return range.begin - size;
    }
    // Nothing fits: extend the memory, using up a free range that reaches its end.
    const last = this.#free.at(-1);
    const begin = last?.end === this.#end ? last.begin : this.#end;
    if (begin + size > limit || !this.#grow(begin + size)) return null;
    if (begin !== this.#end) this.#free.pop();
    this.#end = begin + size;
    return begin;
  }

  /** Gives back what `allocate(bytes)` returned. */
  free(begin: number, bytes: number): void {
    const end = begin + Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    let i = this.#free.findIndex((range) => range.begin > begin);
    if (i < 0) i = this.#free.length;
    const before = this.#free[i - 1];
    const after = this.#free[i];
    if (before?.end === begin && after?.begin === end) {
      before.end = after.end;
      this.#free.splice(i, 1);
    } else if (before?.end === begin) before.end = end;
    else if (after?.begin === end) after.begin = begin;
    else this.#free.splice(i, 0, { begin, end });
  }

  #grow(end: number): boolean {
    const now = this.memory.buffer.byteLength;
    if (end <= now) return true;
    // By at least an eighth, so that many small allocations cost few calls; by just enough where that is refused.
    for (const wanted of [Math.min(this.#maximum, Math.max(end, Math.floor(now * 1.125))), end])
      try {
        this.memory.grow(Math.ceil((wanted - now) / PAGE));
        return true;
      } catch {}
    return false;
  }
}

function disposed(): never {
  throw new BackendError({ expected: 'a backend in use', got: 'one that was disposed of', where: 'the wasm backend' });
}
