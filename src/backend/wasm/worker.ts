// What a thread of the team does: wait for a job, take part in it, wait again, until the team stops.

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { ACTIVE, ARENA, ARGUMENTS, Control, FAILED, GENERATION, KERNEL, SLEEPERS, STOP, takePart } from './job.js';
import { KernelSet } from './kernels.js';

export interface WorkerTask {
  control: SharedArrayBuffer;
  module: WebAssembly.Module;
  /** Memories of the arenas arrive here, in the order of their indices. */
  arenas: MessagePort;
  thread: number;
}

/** Looks at the generation before sleeping: some tens of microseconds, the time between two operations of a pass. */
const SPINS = 4000;

/**
 * The Piscina task. It ends at once, so that the pool holds no running task and a program that forgets to dispose of
 * its model can still exit; the thread goes on serving right after.
 */
export default function start(task: WorkerTask): void {
  setImmediate(serve, task);
}

function serve({ control, module, arenas, thread }: WorkerTask): void {
  const { words, args } = new Control(control);
  const kernels: KernelSet[] = [];
  for (let done = 0; ; ) {
    const job = nextJob(words, done);
    if (Atomics.load(words, STOP)) return;
    Atomics.add(words, ACTIVE, 1);
    try {
      if (Atomics.load(words, GENERATION) === job) {
        for (let m = receiveMessageOnPort(arenas); m; m = receiveMessageOnPort(arenas))
          kernels.push(new KernelSet(module, m.message));
        const set = kernels[words[ARENA]];
        if (set) takePart(words, set.split[words[KERNEL]], [...args.subarray(0, words[ARGUMENTS])], thread);
        done = job;
      }
    } catch (error) {
      Atomics.store(words, FAILED, 1);
      throw error;
    } finally {
      Atomics.sub(words, ACTIVE, 1);
    }
  }
}

/** The generation of an open job other than `done`, or any generation once the team stops. */
function nextJob(words: Int32Array, done: number): number {
  for (let spins = 0; ; spins++) {
    const generation = Atomics.load(words, GENERATION);
    if ((generation & 1 && generation !== done) || Atomics.load(words, STOP)) return generation;
    if (spins < SPINS) continue;
    Atomics.add(words, SLEEPERS, 1);
    Atomics.wait(words, GENERATION, generation);
    Atomics.sub(words, SLEEPERS, 1);
    spins = 0;
  }
}
