// A GPU for Node: the package webgpu, which is not installed with this one because few need it and it is large. In a
// browser the GPU is navigator.gpu, and this file is not needed.

import { BackendError } from '../errors.js';

/** What to do where there is no adapter. */
const NO_ADAPTER =
  process.platform === 'linux'
    ? 'install a Vulkan driver (Debian, Ubuntu: apt install mesa-vulkan-drivers, on Debian 12 from its backports; NVIDIA: the driver brings it)'
    : 'install the newest graphics driver';

/**
 * Made once and kept: Dawn goes on looking for events of a GPU object that nothing holds any more, and ends the process
 * when that has been collected. Kept, it does not keep the process from ending once its devices are destroyed.
 */
let kept: GPU | undefined;

/** The GPUs of this machine, and what to say where none answers. Errors: the package is not installed, or fails to load. */
export async function openGpu(): Promise<{ gpu: GPU; noAdapter: string }> {
  // Not a literal, or the compiler would demand the package.
  const name = 'webgpu';
  try {
    const { create } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as {
      create(flags: string[]): GPU;
    };
    kept ??= create([]);
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const got = absent ? 'none: npm install webgpu' : (cause as Error).message.split('\n')[0];
    throw new BackendError({ expected: 'the package webgpu for the backend webgpu', got, cause });
  }
  return { gpu: kept, noAdapter: NO_ADAPTER };
}
