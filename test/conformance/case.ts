// A case is one call of one operation. Running it on two backends and comparing what comes out is the whole suite.

import type { Backend } from '../../src/backend/backend.js';
import { createReferenceBackend } from '../../src/backend/reference/reference.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { seedOf } from './draws.js';
import { type Result, Rig, type RigOptions } from './rig.js';

/**
 * How close a result must be: the same bits, or |got − expected| ≤ relative·(|expected| + floor). The floor is a
 * number, the root mean square of the whole result ('rms'), or for each element the result of the same operation on
 * the absolute values of its operands ('operands').
 */
export type Tolerance = 'exact' | { relative: number; floor: number | 'rms' | 'operands' };

/** What f32 arithmetic deserves, relative to the size of its result. */
export const close: Tolerance = { relative: 1e-5, floor: 'rms' };

export interface Case {
  name: string;
  tolerance: Tolerance;
  /** Draws operands, calls the operation, and returns the tensors it wrote. */
  run(rig: Rig): Tensor[] | Promise<Tensor[]>;
}

/** Runs a case and reads its results. */
export async function resultsOf(test: Case, backend: Backend, options: RigOptions = {}) {
  const rig = new Rig(backend, seedOf(test.name), options);
  try {
    const results: Result[] = [];
    for (const tensor of await test.run(rig)) results.push(await rig.read(tensor));
    return results;
  } finally {
    rig.clear();
  }
}

const expectations = new Map<string, Promise<Result[]>>();

/** What the reference makes of a case; computed once. */
export function expected(test: Case, absolute = false): Promise<Result[]> {
  const key = `${test.name} ${absolute}`;
  const known = expectations.get(key) ?? resultsOf(test, createReferenceBackend(), { absolute });
  expectations.set(key, known);
  return known;
}

/** What is wrong with the results of a case, or null. */
export async function complaint(test: Case, got: Result[]): Promise<string | null> {
  const wanted = await expected(test);
  const sizes = needsSizes(test.tolerance) ? await expected(test, true) : null;
  for (const [n, result] of got.entries()) {
    if (!result.intact) return `result ${n}: written outside its bounds`;
    const bound = bounds(test.tolerance, wanted[n].values, sizes?.[n].values);
    const wrong = difference(result.values, wanted[n].values, bound);
    if (wrong !== null) return `result ${n}: ${wrong}`;
  }
  return null;
}

function needsSizes(tolerance: Tolerance): boolean {
  return tolerance !== 'exact' && tolerance.floor === 'operands';
}

/** The largest allowed error of each element; null where the bits must agree. */
function bounds(tolerance: Tolerance, wanted: ArrayLike<number>, sizes?: ArrayLike<number>) {
  if (tolerance === 'exact') return null;
  const { relative, floor } = tolerance;
  const squares = Array.from(wanted).reduce((sum, value) => sum + value * value, 0);
  const constant = floor === 'rms' ? Math.sqrt(squares / wanted.length) : Number(floor);
  return (i: number) => relative * (Math.abs(wanted[i]) + (sizes ? sizes[i] : constant));
}

function difference(got: ArrayLike<number>, wanted: ArrayLike<number>, bound: ((i: number) => number) | null) {
  if (got.length !== wanted.length) return `${got.length} elements, expected ${wanted.length}`;
  for (let i = 0; i < wanted.length; i++) {
    const good = bound === null ? Object.is(got[i], wanted[i]) : Math.abs(got[i] - wanted[i]) <= bound(i);
    if (!good) return `element ${i} of ${wanted.length} is ${got[i]}, expected ${wanted[i]}`;
  }
  return null;
}

const letters = new TextDecoder('latin1');

/** The bits of a result as text, a letter for each byte, for comparing runs of one backend with each other. */
export function bits(result: Result): string {
  const { buffer, byteOffset, byteLength } = result.values;
  return letters.decode(new Uint8Array(buffer, byteOffset, byteLength));
}
