// What runs on the page: every case of the conformance suite on navigator.gpu against the reference backend, which runs there
// too, and makes the inverses: in Node they are those of the wasm backend. Each case runs once, with operands that have their
// own storage, which is read least; the other placement is tried in Node. Nothing here or below may come from Node:
// ./bundle.ts refuses what does.

import type { Backend } from '../../src/backend/backend.js';
import { createReferenceBackend } from '../../src/backend/reference/reference.js';
import { createWebGpuBackend } from '../../src/backend/webgpu/webgpu.js';
import { type Case, complaint, resultsOf } from '../conformance/case.js';
import { cases } from '../conformance/cases.js';
import { type Refusal, refusals } from '../conformance/refusals.js';
import { Rig } from '../conformance/rig.js';

export interface Report {
  adapter: string;
  cases: number;
  refusals: number;
  /** What was wrong, with the name of the case; empty where nothing was. */
  complaints: string[];
}

/** What the test finds on the page. */
export interface Suite {
  /** Why there is no GPU for a backend here; undefined where there is one, which the backend then has to take. */
  noGpu(): Promise<string | undefined>;
  conformance(): Promise<Report>;
}

declare const navigator: { gpu?: GPU };

async function open(): Promise<Backend> {
  if (!navigator.gpu) throw new Error('a browser without navigator.gpu');
  return createWebGpuBackend({
    gpu: navigator.gpu,
    noAdapter: 'a browser without one',
    openSolver: async () => createReferenceBackend(),
    threads: 1,
  });
}

/** What is wrong with one case, or null. */
async function wrongIn(test: Case, backend: Backend): Promise<string | null> {
  try {
    return await complaint(test, await resultsOf(test, backend));
  } catch (error) {
    return (error as Error).message;
  }
}

/** What is wrong with the answer to a call that must be refused, or null. */
async function wrongAfter({ message, call }: Refusal, backend: Backend): Promise<string | null> {
  const rig = new Rig(backend, 1);
  try {
    await call(rig);
    return 'nothing is refused';
  } catch (error) {
    const got = (error as Error).message;
    return got.includes(message) ? null : `got ${got}`;
  } finally {
    rig.clear();
  }
}

const suite: Suite = {
  async noGpu() {
    if (!navigator.gpu) return 'a browser without navigator.gpu';
    return (await navigator.gpu.requestAdapter()) ? undefined : 'a browser without an adapter';
  },

  async conformance() {
    const backend = await open();
    const complaints: string[] = [];
    const note = (name: string, wrong: string | null) => wrong !== null && complaints.push(`${name}: ${wrong}`);
    for (const test of cases) note(test.name, await wrongIn(test, backend));
    for (const refusal of refusals) note(`refuses: ${refusal.message}`, await wrongAfter(refusal, backend));
    const { adapter = '' } = backend.info;
    await backend.dispose();
    return { adapter, cases: cases.length, refusals: refusals.length, complaints };
  },
};

Object.assign(globalThis, { suite });
