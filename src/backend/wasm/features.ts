// What this machine offers to the WebAssembly backend, asked once; everything else reads the answers here.

import { hasNode, nodeFilesSync, nodeSystem } from '../../node.js';

/** A module of one function `() -> v128` whose body is `instructions`: valid only where the engine knows them. */
function validates(...instructions: number[]): boolean {
  const body = [0, ...instructions, 0x0b];
  return WebAssembly.validate(
    // biome-ignore format: one section a line
    new Uint8Array([
      0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
      0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b,
      0x03, 0x02, 0x01, 0x00,
      0x0a, body.length + 2, 0x01, body.length, ...body,
    ]),
  );
}

/** i32.const 0 · i8x16.splat */
const zero = [0x41, 0x00, 0xfd, 0x0f];

let simd: boolean | undefined;
let relaxed: boolean | undefined;
let cores: number | undefined;

const { navigator: browser = {} } = globalThis as { navigator?: { hardwareConcurrency?: number } };

/** 128-bit SIMD: every kernel needs it. */
export function simdSupported(): boolean {
  simd ??= validates(...zero);
  return simd;
}

/** Relaxed SIMD (f32x4.relaxed_madd): Node 22 and newer. */
export function relaxedSimdSupported(): boolean {
  relaxed ??= validates(...zero, ...zero, ...zero, 0xfd, 0x85, 0x02);
  return relaxed;
}

/**
 * Physical cores this process may use: hyperthreads share the units that the kernels keep busy. A browser says how many
 * threads there are, and no more.
 */
export function physicalCores(): number {
  const available = hasNode() ? nodeSystem().availableParallelism() : (browser.hardwareConcurrency ?? 1);
  cores ??= Math.max(1, Math.min(available, countCores() ?? Infinity));
  return cores;
}

/** Distinct (socket, core) pairs, where the system tells. */
function countCores(): number | undefined {
  if (globalThis.process?.platform !== 'linux' || !hasNode()) return undefined;
  try {
    const seen = new Set<string>();
    for (const processor of nodeFilesSync().readFileSync('/proc/cpuinfo', 'utf8').split('\n\n')) {
      const socket = /^physical id\s*: (\d+)/m.exec(processor)?.[1];
      const core = /^core id\s*: (\d+)/m.exec(processor)?.[1];
      if (core !== undefined) seen.add(`${socket}:${core}`);
    }
    return seen.size || undefined;
  } catch {
    return undefined;
  }
}
