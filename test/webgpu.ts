// A WebGPU backend for tests, and why there is none where there is none: no package, no driver. Found out once for each
// test file, by asking for an adapter.

import type { Backend } from '../src/backend/backend.js';
import { openGpu } from '../src/backend/open-gpu.js';
import { createWasmBackend } from '../src/backend/wasm/create.js';
import { createWebGpuBackend } from '../src/backend/webgpu/webgpu.js';

/** Opens the backend; `bindingBytes` makes the largest operand that a kernel sees at once smaller. */
export async function openWebGpu(bindingBytes?: number): Promise<Backend> {
  return createWebGpuBackend({
    ...(await openGpu()),
    openSolver: () => createWasmBackend({ threads: 1, deterministic: true }),
    threads: 1,
    bindingBytes,
  });
}

/** Why there is no WebGPU here; undefined where there is. */
export const noWebGpu: string | undefined =
  process.env.WEBGPU === 'none'
    ? 'left out by WEBGPU=none'
    : await openWebGpu().then(
        async (backend) => {
          await backend.dispose();
          return undefined;
        },
        (error: Error) => error.message,
      );
