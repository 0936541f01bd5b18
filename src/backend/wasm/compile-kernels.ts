// The builds of the kernels: where they come from, and how they become a module.

import { BackendError, UsageError } from '../../errors.js';
import { nodeFiles } from '../../node.js';
import { quoted } from '../../quoted.js';
import type { KernelSource, KernelSources } from './kernel-source.js';
import { EXPORTS } from './kernels.js';

export interface KernelBuild {
  simd: 'plain' | 'relaxed';
  shared: boolean;
}

/**
 * Compiles one of the builds, while it comes in where it is a stream. It is for an unshared memory where a module was given
 * compiled, whatever was asked for.
 * @throws BackendError where it cannot be had, or is no such build; UsageError where it is nothing of the kind
 */
export async function compileKernels(
  { simd, shared }: KernelBuild,
  sources: KernelSources,
): Promise<{ module: WebAssembly.Module; shared: boolean }> {
  try {
    const built = await compiled(sources[simd] ?? sources.plain, shared);
    const names = new Set(WebAssembly.Module.exports(built.module).map(({ name }) => name));
    const missing = EXPORTS.find((name) => !names.has(name));
    if (missing !== undefined) throw new Error(`kernels of another version, without ${missing}`);
    return built;
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    const { message, cause: why } = cause instanceof Error ? cause : new Error(String(cause));
    throw new BackendError({
      expected: `the kernels for ${simd} SIMD beside the program, or as the option kernels, or in neuroal/runtime/inline`,
      got: why instanceof Error ? `${message} (${why.message})` : message,
      where: 'the wasm backend',
      cause,
    });
  }
}

async function compiled(
  source: KernelSource,
  shared: boolean,
): Promise<{ module: WebAssembly.Module; shared: boolean }> {
  let code = await (typeof source === 'function' ? source() : source);
  if (code instanceof WebAssembly.Module) return { module: code, shared: false };
  if (code instanceof URL) code = await fileOrAnswer(code);
  if (code instanceof ArrayBuffer || code instanceof Uint8Array)
    return { module: await WebAssembly.compile(buildOf(code, shared)), shared };
  if (!(typeof code === 'object' && code !== null && 'bodyUsed' in code)) throw noKernels(code);
  return { module: await compiledAnswer(code as Response, shared), shared };
}

/** The error about what is no kernels at all. */
export const noKernels = (given: unknown): UsageError =>
  new UsageError(
    `expected kernels as bytes, a Response, a URL or a WebAssembly.Module, or plain and relaxed ones, got ${quoted(given)}`,
  );

async function compiledAnswer(answer: Response, shared: boolean): Promise<WebAssembly.Module> {
  const { ok, status, url, headers, bodyUsed } = answer;
  if (!ok) throw new Error(`${status} for ${url}`);
  if (bodyUsed) throw new Error('an answer whose body was read');
  // Compiled while it comes in, where the server says what it is.
  const streams = !shared && /^application\/wasm\b/.test(headers.get('content-type') ?? '');
  if (streams) return WebAssembly.compileStreaming(answer);
  return WebAssembly.compile(buildOf(await answer.arrayBuffer(), shared));
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
  // Not by `slice`, which of a Buffer gives the same memory.
  const changed = new Uint8Array(bytes);
  changed[at] = SHARED;
  return changed;
}
