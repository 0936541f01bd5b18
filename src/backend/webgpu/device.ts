// The device: what of an adapter's limits this backend uses, and every way in which a GPU says no. Errors of a GPU come
// late, from error scopes and from the device itself; the first one is kept and thrown at the next call and at every read.

import { BackendError } from '../../errors.js';

/** Flags of buffers, by the numbers that the WebGPU specification gives them: in Node there are no globals for them. */
export const USAGE = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, uniform: 0x40, storage: 0x80 };
export const MAP_READ = 1;
export const COMPUTE = 4;

/** What WebGPU guarantees, and kernels need. */
const WORKGROUP_BYTES = 16384;

export class Device {
  /** Bytes of the largest stretch of a buffer that a kernel can see at once. */
  readonly bindingBytes: number;
  readonly bufferBytes: number;
  /** Workgroups in a row. */
  readonly groups: number;
  /** Memory of a workgroup. */
  readonly workgroupBytes: number;
  readonly uniformAlignment: number;
  readonly storageAlignment: number;
  #failure: BackendError | undefined;
  #destroyed = false;
  readonly #scopes = new Set<Promise<void>>();

  constructor(
    readonly gpu: GPUDevice,
    /** What the adapter calls itself. */
    readonly adapter: string,
    bindingBytes?: number,
  ) {
    const { limits } = gpu;
    this.bindingBytes = Math.min(bindingBytes ?? Number.POSITIVE_INFINITY, limits.maxStorageBufferBindingSize);
    this.bufferBytes = limits.maxBufferSize;
    this.groups = limits.maxComputeWorkgroupsPerDimension;
    this.workgroupBytes = limits.maxComputeWorkgroupStorageSize;
    this.uniformAlignment = limits.minUniformBufferOffsetAlignment;
    this.storageAlignment = limits.minStorageBufferOffsetAlignment;
    void gpu.lost.then(({ message }) => {
      if (!this.#destroyed) this.fail({ expected: 'a GPU that goes on', got: `a lost device: ${message}` });
    });
    gpu.onuncapturederror = ({ error }) => this.fail({ expected: 'a GPU that obeys', got: error.message });
  }

  /** Keeps the first thing that went wrong. */
  fail(parts: { expected: string; got: string; where?: string }): void {
    const got = parts.got.trim().split('\n')[0] || 'no reason';
    this.#failure ??= new BackendError({ ...parts, got, where: parts.where ?? `the webgpu backend (${this.adapter})` });
  }

  /** Throws what went wrong so far. */
  check(): void {
    if (this.#destroyed)
      throw new BackendError({ expected: 'a live backend', got: 'one that is disposed of', where: 'webgpu' });
    if (this.#failure) throw this.#failure;
  }

  /** Waits for the verdicts that are still out, then throws as `check` does. */
  async settle(): Promise<void> {
    while (this.#scopes.size > 0) await Promise.all(this.#scopes);
    this.check();
  }

  /** A new buffer; that there is no memory for it shows later, as a failure that names the purpose. */
  createBuffer(size: number, usage: number, purpose: string): GPUBuffer {
    const { buffer, verdict } = this.#create(size, usage, purpose);
    const heard = verdict.then((refusal) => {
      if (refusal !== undefined)
        this.fail({ expected: `room on the GPU for ${size} bytes`, got: refusal, where: purpose });
    });
    this.#scopes.add(heard);
    void heard.then(() => this.#scopes.delete(heard));
    return buffer;
  }

  /** A new buffer once there is known to be memory for it; undefined where there is none, which is no failure. */
  async tryCreateBuffer(size: number, usage: number, purpose: string): Promise<GPUBuffer | undefined> {
    const { buffer, verdict } = this.#create(size, usage, purpose);
    if ((await verdict) === undefined) return buffer;
    buffer.destroy();
    return undefined;
  }

  /** A buffer, valid or not, and later why there was no memory for it, if so. */
  #create(size: number, usage: number, purpose: string) {
    if (size > this.bufferBytes)
      throw new BackendError({
        expected: `at most ${this.bufferBytes} bytes in one buffer of the GPU`,
        got: `${size} for ${purpose}`,
        where: `the webgpu backend (${this.adapter})`,
      });
    this.gpu.pushErrorScope('out-of-memory');
    const buffer = this.gpu.createBuffer({ size, usage });
    const verdict = this.gpu.popErrorScope().then(
      (error) => (error ? error.message || 'none' : undefined),
      () => undefined,
    );
    return { buffer, verdict };
  }

  destroy(): void {
    this.#destroyed = true;
    this.gpu.destroy();
  }
}

/** The name of an adapter, as far as it tells one. */
export function nameOf({ info }: GPUAdapter): string {
  const { description, device, vendor, architecture } = info;
  return description || device || [vendor, architecture].filter(Boolean).join(' ') || 'an unnamed GPU';
}

/**
 * The device of the fastest adapter, with the limits that this has; `bindingBytes` makes the largest binding smaller.
 * Errors: no adapter, or one that cannot run the kernels.
 */
export async function requestDevice(gpu: GPU, noAdapter: string, bindingBytes?: number): Promise<Device> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new BackendError({ expected: 'a GPU for the backend webgpu', got: `no adapter: ${noAdapter}` });
  const { limits } = adapter;
  if (limits.maxComputeWorkgroupStorageSize < WORKGROUP_BYTES || limits.maxComputeInvocationsPerWorkgroup < 256)
    throw new BackendError({
      expected: `workgroups of 256 with ${WORKGROUP_BYTES} bytes`,
      got: `${limits.maxComputeInvocationsPerWorkgroup} with ${limits.maxComputeWorkgroupStorageSize}`,
      where: nameOf(adapter),
    });
  const device = await adapter.requestDevice({
    requiredLimits: {
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    },
  });
  return new Device(device, nameOf(adapter), bindingBytes);
}
