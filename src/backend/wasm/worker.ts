// What a thread of the team does: wait for a job, take part in it, wait again, until the team stops. Memories come by message,
// which a thread that waits does not hear: it stops waiting when a job is in a memory that it has not got.

import { hasNode, nodeThreads } from '../../node.js';
import { ACTIVE, ARENA, ARGUMENTS, Control, FAILED, GENERATION, KERNEL, SLEEPERS, STOP, takePart } from './job.js';
import { KernelSet } from './kernels.js';

/** @internal What the team tells a thread: first what it is, then the memory of each arena. */
export type ThreadMessage =
  | { control: SharedArrayBuffer; module: WebAssembly.Module; thread: number }
  | { arena: number; memory: WebAssembly.Memory };

/** Looks at the generation before sleeping: some tens of microseconds, the time between two operations of a pass. */
const SPINS = 4000;

let own: { control: Control; module: WebAssembly.Module; thread: number } | undefined;
const kernels: KernelSet[] = [];
let done = 0;

/** Whatever else a page posts to its workers is not for this one. */
function hear(message: ThreadMessage | null): void {
  if (typeof message !== 'object' || message === null) return;
  if ('control' in message) own = { ...message, control: new Control(message.control) };
  else if (own && 'memory' in message) {
    kernels[message.arena] = new KernelSet(own.module, message.memory);
    serve(own.control, own.thread);
  }
}

/** Takes part in jobs until the team stops or uses a memory that has not arrived. */
function serve({ words, args }: Control, thread: number): void {
  for (;;) {
    const job = nextJob(words, done);
    if (Atomics.load(words, STOP)) return;
    Atomics.add(words, ACTIVE, 1);
    try {
      if (Atomics.load(words, GENERATION) === job) {
        const set = kernels[words[ARENA]];
        if (!set) return;
        takePart(words, set.split[words[KERNEL]], [...args.subarray(0, words[ARGUMENTS])], thread);
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

const port = hasNode() ? nodeThreads().parentPort : null;
if (port) port.on('message', hear);
else
  (
    globalThis as { addEventListener?: (type: string, listener: (event: { data: ThreadMessage }) => void) => void }
  ).addEventListener?.('message', ({ data }) => hear(data));
