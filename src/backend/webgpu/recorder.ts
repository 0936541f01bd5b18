// The commands of a pass, recorded and submitted together: when something is read, when a buffer in use is written from
// the host, and every few dozen commands, so that the GPU begins while the host goes on. Pipelines are compiled when first
// used. What a kernel needs for a call is kept by the buffers that it met, for a decoding loop meets the same ones at every
// token, and of what it does for a call little is left but to look that up.

import { BackendError } from '../../errors.js';
import { bytesPerElement } from '../../tensor/dtype.js';
import type { Tensor } from '../../tensor/tensor.js';
import { COMPUTE, type Device, MAP_READ, USAGE } from './device.js';
import { type Element, type Kernel, PARAM_BYTES, type Slot, shaderOf, slotTypes } from './kernel.js';
import type { GpuBuffer, Memory } from './memory.js';

/** Calls of kernels in one submission, at most. */
const BATCH = 64;
/** Calls that are kept, at most. */
const KEPT_CALLS = 8192;
/** Bytes that are read at a time. */
const READ_BYTES = 64 * 2 ** 20;
/** Pieces of a read that are under way together. */
const READS_AHEAD = 2;
/** Bytes of the buffers for small results, which are kept. */
const SMALL_READ_BYTES = 2 ** 20;

/** A stretch of a buffer. */
interface Window {
  held: GpuBuffer;
  offset: number;
  size: number;
}

/** A part of what is read, and the batch that copies it. */
interface Piece {
  staging: GPUBuffer | undefined;
  at: number;
  length: number;
  batch: number;
}

interface Pipeline {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
}

/** A kernel with certain buffers. */
interface Call {
  pipeline: GPUComputePipeline;
  group: GPUBindGroup;
  /** Where the binding of each operand begins in its buffer, in bytes. */
  starts: readonly number[];
}

/** Calls by the numbers of the buffers of all operands, one after another. */
type Calls = Map<number, Calls | Call>;

/** What is known of a kernel. */
interface Known {
  /** Bytes of a unit of each operand. */
  units: readonly number[];
  /** Whether an operand is written. */
  writes: readonly boolean[];
  /** Whether a parameter is f32. */
  floats: readonly boolean[];
  pipelines: Map<string, Pipeline>;
  calls: Calls;
}

export class Recorder {
  readonly #params = new Uint32Array((BATCH * PARAM_BYTES) / 4);
  readonly #floats = new Float32Array(this.#params.buffer);
  readonly #paramBuffer: GPUBuffer;
  readonly #known = new Map<Kernel, Known>();
  /** For each buffer how to forget the calls that use it. */
  readonly #forget = new Map<number, Set<() => void>>();
  /** The buffers of the call that is being recorded. */
  readonly #held: GpuBuffer[] = [];
  readonly #smallReads: GPUBuffer[] = [];
  readonly #nothing: Tensor<'i32'>;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #current: GPUComputePipeline | undefined;
  readonly #dynamic = new Uint32Array(1);
  #calls = 0;
  #kept = 0;

  constructor(
    readonly device: Device,
    readonly memory: Memory,
  ) {
    this.#paramBuffer = device.createBuffer(
      this.#params.byteLength,
      USAGE.uniform | USAGE.copyTarget,
      'the parameters of kernels',
    );
    this.#nothing = memory.allocate('i32', [1]);
    device.flush = () => this.flush();
    memory.inUse = ({ batch }) => batch === device.batch;
    memory.onDestroy = ({ id }) => {
      for (const forget of this.#forget.get(id) ?? []) forget();
      this.#forget.delete(id);
    };
  }

  /** Enqueues `groups` workgroups of a kernel. Operands are in its order, null for one that is not there. */
  run(
    kernel: Kernel,
    operands: readonly (Tensor | null)[],
    params: Readonly<Record<string, number>>,
    groups: number,
  ): void {
    if (groups === 0) return;
    this.device.check();
    const known = this.#knownOf(kernel);
    const { units, writes, floats } = known;
    const { pipeline, group, starts } = this.#callOf(known, kernel, operands);
    for (let i = 0; i < units.length; i++) this.#check(this.#held[i]);
    for (let i = 0; i < units.length; i++) if (writes[i]) this.#willWrite(this.#held[i]);
    this.#begin();
    const { batch } = this.device;
    const at = (this.#calls * PARAM_BYTES) / 4;
    let next = at;
    for (let i = 0; i < units.length; i++) {
      const { dtype, offset } = operands[i] ?? this.#nothing;
      this.#held[i].batch = batch;
      if (writes[i]) this.#held[i].written = batch;
      this.#params[next++] = (offset * bytesPerElement[dtype] - starts[i]) / units[i];
    }
    for (let i = 0; i < floats.length; i++) {
      const value = params[kernel.params[i]];
      if (floats[i]) this.#floats[next++] = value;
      else this.#params[next++] = value;
    }
    this.#params[next] = groups;
    this.#pass ??= this.#encoder!.beginComputePass();
    if (this.#current !== pipeline) {
      this.#pass.setPipeline(pipeline);
      this.#current = pipeline;
    }
    this.#dynamic[0] = this.#calls * PARAM_BYTES;
    this.#pass.setBindGroup(0, group, this.#dynamic, 0, 1);
    const across = Math.min(groups, this.device.groups);
    this.#pass.dispatchWorkgroups(across, Math.ceil(groups / across));
    if (++this.#calls === BATCH) this.flush();
  }

  /** Puts bytes into a buffer, after all that was enqueued before; offset and length are multiples of 4. */
  write(held: GpuBuffer, offset: number, values: ArrayBufferView): void {
    this.device.check();
    this.#willWrite(held);
    if (held.batch === this.device.batch) this.flush();
    const { buffer, byteOffset, byteLength } = values;
    this.device.gpu.queue.writeBuffer(held.buffer, offset, buffer as ArrayBuffer, byteOffset, byteLength);
  }

  /** Copies bytes between buffers; all numbers are multiples of 4. */
  copy(from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, size: number): void {
    this.#check(from);
    this.#willWrite(to);
    this.#begin();
    this.#endPass();
    from.batch = this.device.batch;
    to.batch = this.device.batch;
    to.written = this.device.batch;
    this.#encoder!.copyBufferToBuffer(from.buffer, fromOffset, to.buffer, toOffset, size);
  }

  /**
   * Bytes of a buffer after all that was enqueued before; offset and size are multiples of 4. They come in pieces, of which
   * few are under way at a time; where the buffer is about to be written, all that are left are copied first.
   */
  async read(held: GpuBuffer, offset: number, size: number): Promise<Uint8Array<ArrayBuffer>> {
    this.device.check();
    this.#check(held);
    const bytes = new Uint8Array(size);
    const pieces: Piece[] = [];
    /** The batches that must have happened. */
    const batches = new Set([held.written]);
    let copied = 0;
    let failure: unknown;
    const copy = () => {
      const length = Math.min(READ_BYTES, size - copied);
      const piece: Piece = { staging: undefined, at: copied, length, batch: 0 };
      pieces.push(piece);
      piece.staging = this.#staging(length);
      this.#begin();
      this.#endPass();
      this.#encoder!.copyBufferToBuffer(held.buffer, offset + copied, piece.staging, 0, length);
      held.batch = piece.batch = this.device.batch;
      batches.add(piece.batch);
      copied += length;
      if (copied === size) held.reads.delete(rest);
    };
    const rest = () => {
      try {
        while (copied < size) copy();
      } catch (error) {
        failure = error;
      } finally {
        held.reads.delete(rest);
      }
    };
    held.reads.add(rest);
    try {
      for (let i = 0; i < READS_AHEAD && copied < size; i++) copy();
      while (pieces.length > 0) {
        const { staging, at, length, batch } = pieces[0];
        if (batch === this.device.batch) this.flush();
        await staging!.mapAsync(MAP_READ, 0, length);
        bytes.set(new Uint8Array(staging!.getMappedRange(0, length)), at);
        staging!.unmap();
        pieces.shift();
        if (staging!.size === SMALL_READ_BYTES) this.#smallReads.push(staging!);
        else staging!.destroy();
        if (failure) throw failure;
        if (copied < size) copy();
      }
      await this.device.settle();
      for (const batch of batches) this.device.checkBatch(batch);
    } catch (error) {
      // What copies into them may still be recorded, beside commands of others.
      this.flush();
      for (const { staging } of pieces) staging?.destroy();
      // A device that was lost, or a buffer that never was: what is known of it says more.
      await this.device.settle();
      if (error instanceof BackendError) throw error;
      const got = error instanceof Error ? error.message : String(error);
      throw new BackendError({ expected: 'a result of the GPU', got, where: this.device.adapter });
    } finally {
      held.reads.delete(rest);
    }
    return bytes;
  }

  /** Submits what has been recorded. */
  flush(): void {
    if (this.#encoder) {
      this.#endPass();
      if (this.#calls > 0)
        this.device.gpu.queue.writeBuffer(this.#paramBuffer, 0, this.#params.buffer, 0, this.#calls * PARAM_BYTES);
      this.device.gpu.queue.submit([this.#encoder.finish()]);
      this.#encoder = undefined;
    }
    this.#calls = 0;
    this.device.batch++;
    this.memory.sweep();
  }

  /** Throws if what a buffer holds may never have been computed. */
  #check({ written }: GpuBuffer): void {
    if (written >= 0) this.device.checkBatch(written);
  }

  /** Lets reads that are under way copy what they want of a buffer, before it is written. */
  #willWrite({ reads }: GpuBuffer): void {
    if (reads.size > 0) for (const rest of reads) rest();
  }

  #begin(): void {
    this.#encoder ??= this.device.gpu.createCommandEncoder();
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#current = undefined;
  }

  /** A buffer to read at least so many bytes from. */
  #staging(length: number): GPUBuffer {
    const spare = length <= SMALL_READ_BYTES && this.#smallReads.pop();
    if (spare) return spare;
    const size = Math.max(length, SMALL_READ_BYTES);
    return this.device.createBuffer(size, USAGE.mapRead | USAGE.copyTarget, 'what is read');
  }

  #knownOf(kernel: Kernel): Known {
    let known = this.#known.get(kernel);
    if (!known) {
      const units = kernel.operands.map(({ type }) => unitBytes(type));
      const floats = kernel.params.map((name) => name.startsWith('f_'));
      const writes = kernel.operands.map((operand) => operand.writes === true);
      known = { units, writes, floats, pipelines: new Map(), calls: new Map() };
      this.#known.set(kernel, known);
    }
    return known;
  }

  /** What a kernel needs for these operands; their buffers are left in #held. */
  #callOf(known: Known, kernel: Kernel, operands: readonly (Tensor | null)[]): Call {
    const last = kernel.operands.length - 1;
    const limit = this.device.bindingBytes;
    let whole = true;
    let calls: Calls | undefined = known.calls;
    for (let i = 0; i <= last; i++) {
      const held = this.memory.of(operands[i] ?? this.#nothing);
      this.#held[i] = held;
      whole &&= held.size <= limit;
      if (i < last) calls = calls?.get(held.id) as Calls | undefined;
    }
    const kept = whole && (calls?.get(this.#held[last].id) as Call | undefined);
    if (kept) return kept;
    const { slots, windows, access } = this.#bind(kernel, operands);
    const { pipeline, layout } = this.#pipeline(known, kernel, slots, access);
    const group = this.#bindGroup(layout, windows);
    const call = { pipeline, group, starts: slots.map(({ index }) => windows[index].offset) };
    // Of a buffer that cannot be bound as a whole, another part is bound each time.
    if (whole) this.#keep(known, call, last);
    return call;
  }

  #keep(known: Known, call: Call, last: number): void {
    if (++this.#kept > KEPT_CALLS) {
      for (const { calls } of this.#known.values()) calls.clear();
      this.#forget.clear();
      this.#kept = 1;
    }
    let { calls } = known;
    const path: [Calls, number][] = [];
    for (let i = 0; i < last; i++) {
      const { id } = this.#held[i];
      path.unshift([calls, id]);
      let deeper = calls.get(id) as Calls | undefined;
      if (!deeper) {
        deeper = new Map();
        calls.set(id, deeper);
      }
      calls = deeper;
    }
    const { id } = this.#held[last];
    path.unshift([calls, id]);
    calls.set(id, call);
    const members = new Set(this.#held.slice(0, last + 1).map((held) => held.id));
    const forget = () => {
      this.#kept--;
      for (const [calls, id] of path) {
        calls.delete(id);
        if (calls.size > 0) break;
      }
      for (const member of members) this.#forget.get(member)?.delete(forget);
    };
    for (const member of members) {
      const others = this.#forget.get(member);
      if (others) others.add(forget);
      else this.#forget.set(member, new Set([forget]));
    }
  }

  /** Operands in one buffer share a binding where it is small or where one of them is written. */
  #bind(kernel: Kernel, operands: readonly (Tensor | null)[]) {
    const windows: Window[] = [];
    const access: ('read' | 'read_write')[] = [];
    const slots: Slot[] = [];
    const limit = this.device.bindingBytes;
    for (const [i, { writes }] of kernel.operands.entries()) {
      const tensor = operands[i] ?? this.#nothing;
      const held = this.memory.of(tensor);
      const window = this.#windowOf(tensor, held);
      const all = operands.some((o, j) => o && kernel.operands[j].writes && this.memory.of(o) === held);
      let index = windows.findIndex(
        (w) => w.held === held && (all || (w.offset === window.offset && w.size === window.size)),
      );
      if (index < 0) {
        index = windows.push(window) - 1;
        access[index] = 'read';
      } else {
        const { offset, size } = windows[index];
        const begin = Math.min(offset, window.offset);
        windows[index] = { held, offset: begin, size: Math.max(offset + size, window.offset + window.size) - begin };
      }
      if (windows[index].size > limit)
        throw new BackendError({
          expected: `operands of at most ${limit} bytes together`,
          got: `${windows[index].size}`,
          where: `${kernel.name} on ${this.device.adapter}`,
        });
      if (writes) access[index] = 'read_write';
      slots.push({ index });
    }
    return { windows, access, slots };
  }

  /** The whole buffer, or what of a large one holds the tensor. */
  #windowOf({ dtype, offset, size }: Tensor, held: GpuBuffer): Window {
    if (held.size <= this.device.bindingBytes) return { held, offset: 0, size: held.size };
    const bytes = bytesPerElement[dtype];
    const step = Math.max(256, this.device.storageAlignment);
    const begin = Math.floor((offset * bytes) / step) * step;
    const end = Math.min(held.size, Math.ceil(((offset + size) * bytes) / 16) * 16);
    return { held, offset: begin, size: Math.max(16, end - begin) };
  }

  #pipeline(
    { pipelines }: Known,
    kernel: Kernel,
    slots: readonly Slot[],
    access: readonly ('read' | 'read_write')[],
  ): Pipeline {
    const key = `${slots.map(({ index }) => index)}|${access}`;
    const known = pipelines.get(key);
    if (known) return known;
    if (slotTypes(kernel, slots) === undefined) throw new Error(`operands of ${kernel.name} share a buffer`);
    const { gpu } = this.device;
    const layout = gpu.createBindGroupLayout({
      entries: [
        {
          binding: 0,
          visibility: COMPUTE,
          buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: PARAM_BYTES },
        },
        ...access.map((a, i) => ({
          binding: i + 1,
          visibility: COMPUTE,
          buffer: { type: (a === 'read' ? 'read-only-storage' : 'storage') as GPUBufferBindingType },
        })),
      ],
    });
    const pipeline = gpu.createComputePipeline({
      layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: gpu.createShaderModule({ label: kernel.name, code: shaderOf(kernel, slots, access) }) },
    });
    const made = { pipeline, layout };
    pipelines.set(key, made);
    return made;
  }

  #bindGroup(layout: GPUBindGroupLayout, windows: readonly Window[]): GPUBindGroup {
    return this.device.gpu.createBindGroup({
      layout,
      entries: [
        { binding: 0, resource: { buffer: this.#paramBuffer, size: PARAM_BYTES } },
        ...windows.map(({ held, offset, size }, i) => ({
          binding: i + 1,
          resource: { buffer: held.buffer, offset, size },
        })),
      ],
    });
  }
}

/** Bytes of what an operand is counted in. */
function unitBytes(type: Element): number {
  const element = type === 'i8' || type === 'i8x4' ? 1 : /^b?f16/.test(type) ? 2 : 4;
  return type.endsWith('x4') ? 4 * element : element;
}
