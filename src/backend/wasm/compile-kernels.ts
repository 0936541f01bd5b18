// The builds of the kernels: where they come from, and how they become a module.

import { BackendError } from '../../errors.js';
import { nodeFiles } from '../../node.js';
import type { KernelSource, KernelSources } from './kernel-source.js';

export interface KernelBuild {
  simd: 'plain' | 'relaxed';
  shared: boolean;
}

/**
 * Compiles one of the builds, while it comes in where it is a stream.
 * @throws BackendError where it cannot be had, or is no such build
 */
export async function compileKernels(
  { simd, shared }: KernelBuild,
  sources: KernelSources,
): Promise<WebAssembly.Module> {
  try {
    return await compiled(sources[simd] ?? sources.plain, shared);
  } catch (cause) {
    const { message, cause: why } = cause as Error;
    throw new BackendError({
      expected: `the kernels for ${simd} SIMD beside the program, or as the option kernels, or in neuroal/runtime/inline`,
      got: why instanceof Error ? `${message} (${why.message})` : message,
      where: 'the wasm backend',
      cause,
    });
  }
}

async function compiled(source: KernelSource, shared: boolean): Promise<WebAssembly.Module> {
  let code = await (typeof source === 'function' ? source() : source);
  if (code instanceof WebAssembly.Module) return code;
  if (code instanceof URL) code = await fileOrAnswer(code);
  if (code instanceof ArrayBuffer || code instanceof Uint8Array) return WebAssembly.compile(buildOf(code, shared));
  const { ok, status, url, headers } = code as Response;
  if (!ok) throw new Error(`${status} for ${url}`);
  // Compiled while it comes in, where the server says what it is.
  const streams = !shared && /^application\/wasm\b/.test(headers.get('content-type') ?? '');
  if (streams) return WebAssembly.compileStreaming(code as Response);
  return WebAssembly.compile(buildOf(await (code as Response).arrayBuffer(), shared));
}

const fileOrAnswer = (url: URL): Promise<Uint8Array | Response> =>
  url.protocol === 'file:' ? nodeFiles().readFile(url) : fetch(url);

/** What the import of the memory looks like: a module `env`, a name `memory`, the kind of import; then comes its flag. */
const memoryImport = [3, 0x65, 0x6e, 0x76, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2];
/** With a maximum; shared as well. */
const [UNSHARED, SHARED] = [0x01, 0x03];

/** The build for an unshared memory, or the same for a shared one: they differ in the flag of the memory that is imported. */
function buildOf(build: ArrayBuffer | Uint8Array, shared: boolean): Uint8Array {
  const bytes = build instanceof Uint8Array ? build : new Uint8Array(build);
  if (!shared) return bytes;
  const at = bytes.findIndex((_, i) => memoryImport.every((byte, k) => bytes[i + k] === byte)) + memoryImport.length;
  if (bytes[at] !== UNSHARED) throw new Error('a module that imports no memory of its own');
  const changed = bytes.slice();
  changed[at] = SHARED;
  return changed;
}
