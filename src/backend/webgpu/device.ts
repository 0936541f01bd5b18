// The device: what of an adapter's limits this backend uses, and every way in which a GPU says no. Errors of a GPU come
// late, from error scopes and from the device itself. That a buffer had no room is thrown once, and wherever that buffer, or
// what was computed beside it, is asked for; the backend goes on. Any other failure is kept and thrown by every call.

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
  /** The batch of commands that is being recorded; a batch is submitted as a whole, or not at all. */
  batch = 0;
  /** Submits that batch and begins the next. */
  flush: () => void = () => {};
  #failure: BackendError | undefined;
  #destroyed = false;
  readonly #scopes = new Set<Promise<void>>();
  /** What there was no room for, until somebody has been told. */
  #refusal: BackendError | undefined;
  /** Refusals whose consequences may still be under way: commands with a buffer that never was. */
  #refusing = 0;
  /** Batches of which nothing may have come, and why. */
  readonly #lost: { from: number; to: number; error: BackendError }[] = [];
  #heard: Promise<void> = Promise.resolve();

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
    gpu.onuncapturederror = ({ error }) => {
      this.#heard = Promise.all([this.#heard, this.#hear(error.message)]).then(() => {});
    };
  }

  /** Takes an error for a failure unless it comes of a buffer that there was no room for, which may be known later. */
  async #hear(got: string): Promise<void> {
    const consequence = this.#refusing > 0;
    while (this.#scopes.size > 0) await Promise.all(this.#scopes);
    if (!consequence && this.#refusing === 0) this.fail({ expected: 'a GPU that obeys', got });
  }

  /** Keeps the first thing that went wrong. */
  fail(parts: { expected: string; got: string; where?: string }): void {
    const got = parts.got.trim().split('\n')[0] || 'no reason';
    this.#failure ??= new BackendError({ ...parts, got, where: parts.where ?? `the webgpu backend (${this.adapter})` });
  }

  /** Throws what went wrong so far: that there was no room once, all else always. */
  check(): void {
    if (this.#destroyed)
      throw new BackendError({ expected: 'a live backend', got: 'one that is disposed of', where: 'webgpu' });
    if (this.#failure) throw this.#failure;
    if (this.#refusal) this.refuse(this.#refusal);
  }

  /** Throws that there was no room for something: somebody has been told. */
  refuse(error: BackendError): never {
    if (this.#refusal === error) this.#refusal = undefined;
    throw error;
  }

  /** Throws if what was enqueued in a batch may never have happened. */
  checkBatch(batch: number): void {
    for (const { from, to, error } of this.#lost) if (batch >= from && batch <= to) this.refuse(error);
  }

  /** Waits for the verdicts that are still out, then throws as `check` does. */
  async settle(): Promise<void> {
    while (this.#scopes.size > 0) await Promise.all(this.#scopes);
    await this.#heard;
    this.check();
  }

  /** A new buffer; that there is no memory for it shows later, as an error that names the purpose. */
  createBuffer(size: number, usage: number, purpose: string, refused?: (error: BackendError) => void): GPUBuffer {
    const from = this.batch;
    const { buffer, verdict } = this.#create(size, usage, purpose);
    const heard = verdict.then((refusal) => {
      if (refusal === undefined) return;
      const got = refusal.trim().split('\n')[0] || 'none';
      const error = new BackendError({ expected: `room on the GPU for ${size} bytes`, got, where: purpose });
      refused?.(error);
      this.#refusal ??= error;
      this.#refusing++;
      this.flush();
      this.#lost.push({ from, to: this.batch - 1, error });
      const done = () => this.gpu.queue.onSubmittedWorkDone();
      void done()
        .then(done)
        .catch(() => {})
        .then(() => this.#refusing--);
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
