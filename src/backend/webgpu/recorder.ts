// The commands of a pass, recorded and submitted together: when something is read, when a buffer in use is written from
// the host, and every few hundred commands, so that the GPU begins early. Pipelines are compiled when first used; bind
// groups are kept by the buffers in them, for a decoding loop binds the same ones for every token.

import { BackendError } from '../../errors.js';
import { bytesPerElement } from '../../tensor/dtype.js';
import type { Tensor } from '../../tensor/tensor.js';
import { COMPUTE, type Device, MAP_READ, USAGE } from './device.js';
import { type Kernel, PARAM_BYTES, shaderOf, slotTypes } from './kernel.js';
import type { GpuBuffer, Memory } from './memory.js';

/** Calls of kernels in one submission, at most. */
const BATCH = 256;
/** Bind groups that are kept, at most. */
const KEPT_GROUPS = 8192;
/** Bytes that are read at a time. */
const READ_BYTES = 64 * 2 ** 20;

/** Where an operand is bound. */
export interface Slot {
  /** Number of its binding among those of the call. */
  index: number;
}

/** A stretch of a buffer. */
interface Window {
  held: GpuBuffer;
  offset: number;
  size: number;
}

interface Pipeline {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
}

export class Recorder {
  readonly #params = new Uint32Array((BATCH * PARAM_BYTES) / 4);
  readonly #floats = new Float32Array(this.#params.buffer);
  readonly #paramBuffer: GPUBuffer;
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #groupsOf = new Map<number, string[]>();
  readonly #nothing: Tensor<'i32'>;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #calls = 0;
  #batch = 0;

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
    memory.inUse = ({ batch }) => batch === this.#batch;
    memory.onDestroy = ({ id }) => {
      for (const key of this.#groupsOf.get(id) ?? []) this.#groups.delete(key);
      this.#groupsOf.delete(id);
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
    const { slots, windows, access } = this.#bind(kernel, operands);
    const pattern = `${kernel.name}|${slots.map(({ index }) => index)}|${access}`;
    const { pipeline, layout } = this.#pipeline(pattern, kernel, slots, access);
    const group = this.#bindGroup(layout, `${pattern}|${windows.map(keyOf)}`, windows);
    const at = (this.#calls * PARAM_BYTES) / 4;
    let next = at;
    for (const [i, { type }] of kernel.operands.entries())
      this.#params[next++] = offsetOf(operands[i] ?? this.#nothing, windows[slots[i].index].offset, type);
    for (const name of kernel.params) {
      if (name.startsWith('f_')) this.#floats[next++] = params[name];
      else this.#params[next++] = params[name];
    }
    this.#params[next] = groups;
    this.#begin();
    for (const { held } of windows) held.batch = this.#batch;
    this.#pass ??= this.#encoder!.beginComputePass();
    this.#pass.setPipeline(pipeline);
    this.#pass.setBindGroup(0, group, [this.#calls * PARAM_BYTES]);
    const across = Math.min(groups, this.device.groups);
    this.#pass.dispatchWorkgroups(across, Math.ceil(groups / across));
    if (++this.#calls === BATCH) this.flush();
  }

  /** Puts bytes into a buffer, after all that was enqueued before; offset and length are multiples of 4. */
  write(held: GpuBuffer, offset: number, values: ArrayBufferView): void {
    this.device.check();
    if (held.batch === this.#batch) this.flush();
    const { buffer, byteOffset, byteLength } = values;
    this.device.gpu.queue.writeBuffer(held.buffer, offset, buffer as ArrayBuffer, byteOffset, byteLength);
  }

  /** Copies bytes between buffers; all numbers are multiples of 4. */
  copy(from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, size: number): void {
    this.#begin();
    this.#endPass();
    from.batch = this.#batch;
    to.batch = this.#batch;
    this.#encoder!.copyBufferToBuffer(from.buffer, fromOffset, to.buffer, toOffset, size);
  }

  /** Bytes of a buffer after all that was enqueued before; offset and size are multiples of 4. */
  async read(held: GpuBuffer, offset: number, size: number): Promise<Uint8Array<ArrayBuffer>> {
    this.device.check();
    const bytes = new Uint8Array(size);
    const pieces: { staging: GPUBuffer; at: number; length: number }[] = [];
    for (let at = 0; at < size; at += READ_BYTES) {
      const length = Math.min(READ_BYTES, size - at);
      const staging = this.device.createBuffer(length, USAGE.mapRead | USAGE.copyTarget, 'what is read');
      this.#begin();
      this.#endPass();
      this.#encoder!.copyBufferToBuffer(held.buffer, offset + at, staging, 0, length);
      held.batch = this.#batch;
      pieces.push({ staging, at, length });
    }
    this.flush();
    try {
      for (const { staging, at, length } of pieces) {
        await staging.mapAsync(MAP_READ, 0, length);
        bytes.set(new Uint8Array(staging.getMappedRange(0, length)), at);
        staging.unmap();
      }
    } catch (error) {
      // A device that was lost, or a buffer that never was: what is known of it says more.
      await this.device.settle();
      const got = error instanceof Error ? error.message : String(error);
      throw new BackendError({ expected: 'a result of the GPU', got, where: this.device.adapter });
    } finally {
      for (const { staging } of pieces) staging.destroy();
    }
    await this.device.settle();
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
    this.#batch++;
    this.memory.sweep();
  }

  #begin(): void {
    this.#encoder ??= this.device.gpu.createCommandEncoder();
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
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

  #pipeline(key: string, kernel: Kernel, slots: readonly Slot[], access: readonly ('read' | 'read_write')[]): Pipeline {
    const known = this.#pipelines.get(key);
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
    this.#pipelines.set(key, made);
    return made;
  }

  #bindGroup(layout: GPUBindGroupLayout, key: string, windows: readonly Window[]): GPUBindGroup {
    const known = this.#groups.get(key);
    if (known) return known;
    if (this.#groups.size >= KEPT_GROUPS) {
      this.#groups.clear();
      this.#groupsOf.clear();
    }
    const group = this.device.gpu.createBindGroup({
      layout,
      entries: [
        { binding: 0, resource: { buffer: this.#paramBuffer, size: PARAM_BYTES } },
        ...windows.map(({ held, offset, size }, i) => ({
          binding: i + 1,
          resource: { buffer: held.buffer, offset, size },
        })),
      ],
    });
    this.#groups.set(key, group);
    for (const { held } of windows) {
      const keys = this.#groupsOf.get(held.id);
      if (keys) keys.push(key);
      else this.#groupsOf.set(held.id, [key]);
    }
    return group;
  }
}

const keyOf = ({ held, offset, size }: Window) => `${held.id}:${offset}:${size}`;

/** Where an operand begins in its binding, in its units. */
function offsetOf({ dtype, offset }: Tensor, window: number, type: string): number {
  const bytes = offset * bytesPerElement[dtype] - window;
  const element = type === 'i8' || type === 'i8x4' ? 1 : /^b?f16/.test(type) ? 2 : 4;
  return bytes / (type.endsWith('x4') ? 4 * element : element);
}
