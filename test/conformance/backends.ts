// The backends that must agree with the reference, each in the variants that run other code. A new one is one line.

import type { Backend } from '../../src/backend/backend.js';
import { createWasmBackend } from '../../src/backend/wasm/create.js';
import { relaxedSimdSupported } from '../../src/backend/wasm/features.js';
import { noWebGpu, openWebGpu } from '../webgpu.js';

export interface Candidate {
  name: string;
  create(): Promise<Backend>;
  /** Why it cannot run here, if so. */
  skip?: string;
  /** Fewest bytes of the storage of an operand. */
  room?: number;
}

const simd = 'plain';
const noRelaxed = relaxedSimdSupported() ? undefined : 'this Node has no relaxed SIMD';
/** Arenas so small that no two operands share one, and that the operands of some cases fit only into an empty one. */
const [arenaBytes, room] = [48 * 2 ** 16, 25 * 2 ** 16];

export const candidates: Candidate[] = [
  { name: 'wasm', create: () => createWasmBackend({ threads: 1, simd }) },
  { name: 'wasm, 2 threads', create: () => createWasmBackend({ threads: 2, simd, grainWork: 1 }) },
  { name: 'wasm, relaxed', create: () => createWasmBackend({ threads: 1, simd: 'relaxed' }), skip: noRelaxed },
  { name: 'wasm, scattered operands', create: () => createWasmBackend({ threads: 1, simd, arenaBytes }), room },
  {
    name: 'wasm, scattered operands, 2 threads',
    create: () => createWasmBackend({ threads: 2, simd, grainWork: 1, arenaBytes }),
    room,
  },
  { name: 'webgpu', create: () => openWebGpu(), skip: noWebGpu },
];

for (const { name, skip } of candidates) if (skip) console.warn(`skipped, ${skip}: ${name}`);
