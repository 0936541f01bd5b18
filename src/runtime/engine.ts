// The engine of a bundle: threads only where there are ways to have them, a GPU from the browser or from Node.

import { BACKENDS, type Backend, type BackendName } from '../backend/backend.js';
import { noKernels } from '../backend/wasm/compile-kernels.js';
import { physicalCores } from '../backend/wasm/features.js';
import type { KernelSource, KernelSources } from '../backend/wasm/kernel-source.js';
import type { CreateWorker } from '../backend/wasm/thread-worker.js';
import { checkThreads, openWasmBackend } from '../backend/wasm/wasm.js';
import { UsageError } from '../errors.js';
import { hasNode, nodeFilesSync } from '../node.js';
import { workerScript } from '../package-files.js';
import { quoted } from '../quoted.js';

export interface RuntimeEngineOptions {
  /** wasm: the CPU, the default. webgpu: a GPU, in a browser that of `navigator.gpu`, in Node by the package webgpu. */
  backend?: BackendName | undefined;
  /**
   * The kernels, where the files are not beside the code: one build, which is taken for the plain one, or both. By default
   * the faster one that the machine has is taken, and the plain one with `deterministic`.
   */
  kernels?: KernelSource | KernelSources | undefined;
  /**
   * Threads that compute, the calling one included. By default 1, and with `createWorker` one for each core. It stays at 1
   * where there is no SharedArrayBuffer, or nothing to start a thread with.
   */
  threads?: number | undefined;
  /** Starts a worker that runs `neuroal/runtime/worker`; in Node, outside of a bundle, it is not needed. */
  createWorker?: CreateWorker | undefined;
  /** Kernels whose results have the same bits on every machine and with any number of threads. */
  deterministic?: boolean | undefined;
}

/** What can be refused before anything is read. @throws UsageError */
export function checkEngineOptions({ backend = 'wasm', threads = 1, kernels }: RuntimeEngineOptions): void {
  if (!BACKENDS.includes(backend))
    throw new UsageError(`expected backend to be one of ${BACKENDS.join(', ')}, got ${quoted(backend)}`);
  checkThreads(threads);
  if (kernels !== undefined && typeof kernels !== 'function' && !(typeof kernels === 'object' && kernels !== null))
    throw noKernels(kernels);
}

/** @throws UsageError for kernels, BackendError where the engine lacks something */
export async function openEngine(options: RuntimeEngineOptions, own: KernelSources): Promise<Backend> {
  const { backend = 'wasm', createWorker, deterministic = false } = options;
  const kernels = options.kernels === undefined ? own : sourcesOf(options.kernels);
  const openWasm = (threads: number, deterministic: boolean) =>
    openWasmBackend(kernels, {
      threads,
      deterministic,
      ...(!kernels.relaxed && { simd: 'plain' as const }),
      ...(createWorker && { createWorker }),
    });
  if (backend === 'wasm') return openWasm(threadsOf(options, kernels), deterministic);
  const [{ createWebGpuBackend }, gpu] = await Promise.all([import('../backend/webgpu/webgpu.js'), openGpu()]);
  const ofInverses = threadsOf({ ...options, threads: options.threads ?? 1 }, kernels);
  return createWebGpuBackend({ ...gpu, openSolver: () => openWasm(ofInverses, true), threads: ofInverses });
}

/** As many as are asked for, or one where there is no way to have more. */
function threadsOf({ threads, createWorker }: RuntimeEngineOptions, kernels: KernelSources): number {
  const asked = threads ?? (createWorker ? physicalCores() : 1);
  const compiled = Object.values(kernels).some((kernel) => kernel instanceof WebAssembly.Module);
  const startable = createWorker !== undefined || (hasNode() && hasOwnScript());
  return typeof SharedArrayBuffer === 'function' && !compiled && startable ? asked : 1;
}

/** Not inside a bundle. */
function hasOwnScript(): boolean {
  try {
    return nodeFilesSync().existsSync(workerScript());
  } catch {
    return false;
  }
}

function sourcesOf(given: KernelSource | KernelSources): KernelSources {
  const sources =
    typeof given === 'object' && given !== null && 'plain' in given ? given : { plain: given as KernelSource };
  // One of the two is used: the other may fail unheard.
  for (const source of Object.values(sources)) if (source instanceof Promise) source.catch(() => {});
  return sources;
}

async function openGpu(): Promise<{ gpu: GPU; noAdapter: string }> {
  const { gpu } = (globalThis as { navigator?: { gpu?: GPU } }).navigator ?? {};
  if (gpu) return { gpu, noAdapter: 'use a browser with WebGPU, and hardware acceleration switched on' };
  return (await import('../backend/open-gpu.js')).openGpu();
}
