// The choice of a device. Each backend is loaded only when it is asked for.

import { BackendError } from '../errors.js';
import { BACKENDS, type Backend, type BackendName } from './backend.js';

/** How the engine computes; the same options everywhere. */
export interface EngineOptions {
  /** wasm: the CPU, the default. webgpu: a GPU, by the package webgpu (a peer dependency) in Node. */
  backend?: BackendName | undefined;
  /**
   * Threads that compute, the calling one included; by default one for each physical core. With webgpu, those of the
   * inverses, which are made on the CPU; 1 by default.
   */
  threads?: number | undefined;
  /**
   * Kernels whose results have the same bits on every machine and with any number of threads. With webgpu, the same bits
   * on the same device and driver, which is so without it too.
   */
  deterministic?: boolean | undefined;
}

/** Opens the backend of that name. */
export async function openBackend({
  backend = 'wasm',
  threads,
  deterministic = false,
}: EngineOptions): Promise<Backend> {
  const openWasm = async (threads: number | undefined, deterministic: boolean) => {
    const [{ createWasmBackend }, count] = await Promise.all([import('./wasm/create.js'), threadsOf({ threads })]);
    return createWasmBackend({ threads: count, deterministic });
  };
  if (backend === 'wasm') return openWasm(threads, deterministic);
  if (backend !== 'webgpu')
    throw new BackendError({ expected: `a backend of ${BACKENDS.join(', ')}`, got: String(backend) });
  const [{ createWebGpuBackend }, { openGpu }] = await Promise.all([
    import('./webgpu/webgpu.js'),
    import('./open-gpu.js'),
  ]);
  const ofInverses = threads ?? 1;
  return createWebGpuBackend({
    ...(await openGpu()),
    openSolver: () => openWasm(ofInverses, true),
    threads: ofInverses,
  });
}

/** How many threads of the CPU these options ask for: for work beside the backend, such as tokenizing. */
export async function threadsOf({ threads }: EngineOptions): Promise<number> {
  return threads ?? (await import('./wasm/features.js')).physicalCores();
}
