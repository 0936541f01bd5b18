// How the threads of a team meet: a control block in shared memory, and the part of a job that every thread runs.
//
// The main thread opens a job by making GENERATION odd and closes it by making it even. A worker that sees an open job
// announces itself in ACTIVE, looks again whether that very job is still open, draws chunks of units from NEXT until
// none is left, and signs off. Nobody waits for a worker that has not announced itself: one that starts late, or whose
// core is busy elsewhere, just finds the job closed.

import { type Kernel, RANGE, runUnits } from './kernels.js';

/** Places in the control block, in 32-bit words. */
export const GENERATION = 0;
export const NEXT = 1;
export const ACTIVE = 2;
/** Workers asleep on GENERATION. */
export const SLEEPERS = 3;
export const STOP = 4;
export const FAILED = 5;
export const KERNEL = 6;
export const ARENA = 7;
export const UNITS = 8;
/** Units drawn at a time. */
export const GRAIN = 9;
export const ARGUMENTS = 10;

const WORDS = 16;
const MOST_ARGUMENTS = 24 + RANGE;

/** The control block: words for the protocol, doubles for the arguments of the kernel. */
export class Control {
  readonly words: Int32Array;
  readonly args: Float64Array;

  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(WORDS * 4 + MOST_ARGUMENTS * 8)) {
    this.words = new Int32Array(buffer, 0, WORDS);
    this.args = new Float64Array(buffer, WORDS * 4, MOST_ARGUMENTS);
  }
}

/** Draws chunks of the open job and runs them (`runUnits`) until none is left. */
export function takePart(words: Int32Array, kernel: Kernel, args: number[], thread: number): void {
  const units = words[UNITS];
  const grain = words[GRAIN];
  for (;;) {
    const begin = Atomics.add(words, NEXT, grain);
    if (begin >= units) return;
    runUnits(kernel, args, begin, Math.min(begin + grain, units), thread);
  }
}
