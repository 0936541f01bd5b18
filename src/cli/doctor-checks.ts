// The checks of `neuroal doctor`. Each tries the thing itself where it can: it compiles the kernels, opens the embedded
// model, starts the threads.

import { execFile } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openBackend } from '../backend/open.js';
import { compileKernels } from '../backend/wasm/compile-kernels.js';
import { physicalCores, relaxedSimdSupported, simdSupported } from '../backend/wasm/features.js';
import { embeddedFolder, embeddedTexts } from '../checkpoint/embedded.js';
import { hubEnvironment } from '../checkpoint/hub/environment.js';
import { kernelFiles } from '../kernel-files.js';
import { FASTER_FROM } from '../models/forms.js';
import { inspect } from '../models/inspect.js';
import { gpuProbe } from '../package-files.js';
import { loadTokenizer } from '../text/tokenizer.js';
import { oldestNode } from '../version.js';
import { grouped, percent, secondsSince, size, threadsText } from './figures.js';

/** One thing that was looked at. */
export interface Check {
  name: string;
  ok: boolean;
  /** Whether nothing works without it. */
  needed: boolean;
  detail: string;
  /** What to do where it is not ok. */
  fix?: string;
}

const reinstall = 'install the package again (in a checkout: npm run build)';
const newerNode = 'use Node 22 or newer';

/** Where a pruned layer becomes one; `inspect` says it of a model's layers. */
const sparseMatrices = () =>
  `faster than dense from ${Object.entries(FASTER_FROM)
    .map(([values, share]) => `${percent(share)} zeros of ${values}`)
    .join(', ')} (docs/running.md)`;

/** All checks, in the order in which one thing builds on another. */
export async function runChecks(): Promise<Check[]> {
  return [
    node(),
    { name: 'cores', ok: true, needed: true, detail: cores() },
    { name: 'memory', ok: true, needed: true, detail: `${size(totalmem())}, of which ${size(freemem())} are free` },
    { name: 'sparse matrices', ok: true, needed: true, detail: sparseMatrices() },
    simd(),
    relaxedSimd(),
    sharedMemory(),
    await tried('kernels', reinstall, kernels),
    await tried('engine', 'try --threads 1; what is missing above may be why', engine),
    await tried('embedded model', reinstall, embeddedModel),
    await modelCache(),
    await graphics(),
  ];
}

function node(): Check {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const ok = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  const fix = `use Node ${oldestNode.join('.')} or newer`;
  return { name: 'Node', ok, needed: true, detail: process.version, ...(ok ? {} : { fix }) };
}

function cores(): string {
  const model = cpus()[0]?.model.trim();
  return `${physicalCores()} physical, ${availableParallelism()} threads${model ? ` (${model})` : ''}`;
}

function simd(): Check {
  const ok = simdSupported();
  const detail = ok ? '128-bit WebAssembly SIMD' : 'no WebAssembly SIMD in this Node on this processor';
  return { name: 'SIMD', ok, needed: true, detail, ...(ok ? {} : { fix: 'use a processor with SSE4.1 or NEON' }) };
}

function relaxedSimd(): Check {
  const ok = relaxedSimdSupported();
  const detail = ok ? 'fused multiply-add' : 'not in this Node: the plain kernels are used, which are slower';
  return { name: 'relaxed SIMD', ok, needed: false, detail, ...(ok ? {} : { fix: newerNode }) };
}

function sharedMemory(): Check {
  const ok = typeof SharedArrayBuffer === 'function' && typeof Atomics === 'object';
  const detail = ok ? 'SharedArrayBuffer: one memory for all threads' : 'no SharedArrayBuffer: one thread computes';
  return { name: 'threads', ok, needed: false, detail, ...(ok ? {} : { fix: newerNode }) };
}

async function kernels(): Promise<string> {
  const builds = (relaxedSimdSupported() ? ['plain', 'relaxed'] : ['plain']) as ('plain' | 'relaxed')[];
  for (const simd of builds) for (const shared of [false, true]) await compileKernels({ simd, shared }, kernelFiles);
  return `${builds.join(' and ')}, for one thread and for several`;
}

async function engine(): Promise<string> {
  const started = performance.now();
  const backend = await openBackend({});
  try {
    const { simd, threads } = backend.info;
    return `${simd} SIMD, ${threadsText(threads)}, started in ${secondsSince(started)} s`;
  } finally {
    await backend.dispose();
  }
}

/** The adapter that `--backend webgpu` would use, or what is missing, as a process of its own finds it (gpu-probe.ts). */
async function graphics(): Promise<Check> {
  const check = await tried('GPU', 'nothing but --backend webgpu needs one: docs/webgpu.md', async () => {
    const probe = fileURLToPath(gpuProbe());
    const { adapter, error } = JSON.parse(await answerOf(probe, 30_000));
    if (error) throw new Error(error);
    return `${adapter}, for --backend webgpu`;
  });
  return { ...check, needed: false };
}

/** What a program that asks a driver prints. Errors: the driver ends it, or it says nothing for so many milliseconds. */
export async function answerOf(program: string, timeout: number): Promise<string> {
  const run = promisify(execFile)(process.execPath, [program], { timeout });
  const { stdout } = await run.catch(({ killed, signal, code }) => {
    if (killed) throw new Error(`a driver that did not answer in ${timeout / 1000} s`);
    throw new Error(`a driver that ends the process (${signal ?? code})`);
  });
  return stdout;
}

async function embeddedModel(): Promise<string> {
  const { model, bytes } = await inspect();
  await loadTokenizer(embeddedFolder);
  for (const text of Object.values(embeddedTexts)) await access(text);
  return `${model.family}, ${grouped(model.parameters)} parameters, ${size(bytes)}, with its texts`;
}

/** Where models of the hub go, and what may be asked of it. That there is a token is said, and nothing of it. */
async function modelCache(): Promise<Check> {
  const fix = 'set HF_HOME to a folder that can be written, and the other HF_ variables right';
  const check = await tried('model cache', fix, async () => {
    const { cache, endpoint, offline, token } = await hubEnvironment();
    const there = await nearestFolder(cache);
    if (!(await stat(there)).isDirectory()) throw new Error(`${there} is a file in place of a folder`);
    await access(there, constants.R_OK | (offline ? 0 : constants.W_OK));
    const absent = offline ? ' (not there)' : ' (to be made)';
    const network = offline ? `offline (${offline})` : `downloads from ${endpoint}, which was not tried`;
    return `${cache}${there === cache ? '' : absent}, ${network}, ${token ? 'with a token' : 'no token'}`;
  });
  return { ...check, needed: false };
}

/** The folder, or the nearest one above it that is there. */
async function nearestFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found || dirname(path) === path ? path : nearestFolder(dirname(path));
}

async function tried(name: string, fix: string, attempt: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, needed: true, detail: await attempt() };
  } catch (error) {
    const detail = (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, '; ');
    return { name, ok: false, needed: true, detail, fix };
  }
}
