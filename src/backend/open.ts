// The choice of a device. Each backend is loaded only when it is asked for.

import { BackendError } from '../errors.js';
import type { Backend } from './backend.js';

/** How the engine computes; the same options everywhere. */
export interface EngineOptions {
  backend?: 'wasm' | undefined;
  /** Threads that compute, the calling one included; by default one for each physical core. */
  threads?: number | undefined;
  /** Kernels whose results have the same bits on every machine and with any number of threads. */
  deterministic?: boolean | undefined;
}

/** Opens the backend of that name. */
export async function openBackend({
  backend = 'wasm',
  threads,
  deterministic = false,
}: EngineOptions): Promise<Backend> {
  if (backend !== 'wasm') throw new BackendError({ expected: 'backend wasm', got: String(backend) });
  const [{ createWasmBackend }, count] = await Promise.all([import('./wasm/wasm.js'), threadsOf({ threads })]);
  return createWasmBackend({ threads: count, deterministic });
}

/** How many threads a backend of these options has: for work beside it, such as tokenizing. */
export async function threadsOf({ threads }: EngineOptions): Promise<number> {
  return threads ?? (await import('./wasm/features.js')).physicalCores();
}
