// The choice of a device. Each backend is loaded only when it is asked for.

import { BackendError } from '../errors.js';
import type { Backend } from './backend.js';

export interface BackendOptions {
  backend?: 'wasm' | undefined;
  /** By default one for each physical core. */
  threads?: number | undefined;
  deterministic?: boolean | undefined;
}

/** Opens the backend of that name. */
export async function openBackend({
  backend = 'wasm',
  threads,
  deterministic = false,
}: BackendOptions): Promise<Backend> {
  if (backend !== 'wasm') throw new BackendError({ expected: 'backend wasm', got: String(backend) });
  const [{ createWasmBackend }, { physicalCores }] = await Promise.all([
    import('./wasm/wasm.js'),
    import('./wasm/features.js'),
  ]);
  return createWasmBackend({ threads: threads ?? physicalCores(), deterministic });
}
