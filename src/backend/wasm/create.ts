// The WebAssembly backend with the kernels that lie beside the code.

import { kernelFiles } from '../../kernel-files.js';
import type { Backend } from '../backend.js';
import { openWasmBackend, type WasmOptions } from './wasm.js';

/** Opens it. Errors: no SIMD in this JavaScript engine, or relaxed SIMD asked for and absent. */
export function createWasmBackend(options: WasmOptions = {}): Promise<Backend> {
  return openWasmBackend(kernelFiles, options);
}
