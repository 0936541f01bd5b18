// The worker team: threads are workers of Node or of a browser, told by messages what to work with; inside a forward pass
// they meet at the control block of job.ts, which costs well under a microsecond where a message costs ninety.

import { BackendError } from '../../errors.js';
import { hasNode, nodeThreads } from '../../node.js';
import { workerScript } from '../../package-files.js';
import type { Arena } from './arena.js';
import {
  ACTIVE,
  ARENA,
  ARGUMENTS,
  Control,
  FAILED,
  GENERATION,
  GRAIN,
  KERNEL,
  NEXT,
  SLEEPERS,
  STOP,
  takePart,
  UNITS,
} from './job.js';
import { KERNELS, type KernelName, runUnits } from './kernels.js';
import type { CreateWorker, ThreadWorker } from './thread-worker.js';
import type { ThreadMessage } from './worker.js';

/** Looks at ACTIVE before the main thread sleeps for a moment: a worker still has at most a chunk to finish. */
const SPINS = 20_000;
const NAP_MILLISECONDS = 0.1;

export interface Job {
  kernel: KernelName;
  arena: Arena;
  /** As `runUnits` takes them. */
  args: number[];
  /** How many units the kernel's range has, and how many to draw at a time. */
  units: number;
  grain: number;
}

/** Runs jobs; alone, or with others. */
export interface Team {
  readonly threads: number;
  run(job: Job): void;
  /** A new arena. */
  join(arena: Arena): void;
  stop(): Promise<void>;
}

const numberOf = new Map(KERNELS.map((name, i) => [name, i]));

/** One thread: no workers, no shared memory. */
export class SoloTeam implements Team {
  readonly threads = 1;

  run({ kernel, arena, args, units }: Job): void {
    runUnits(arena.kernels.split[numberOf.get(kernel) as number], args, 0, units, 0);
  }

  join(): void {}

  async stop(): Promise<void> {}
}

/** As far as the two kinds differ. */
interface WorkerEvents {
  on?(event: 'error', listener: (error: unknown) => void): void;
  addEventListener?(event: 'error', listener: (event: { message?: string }) => void): void;
  unref?(): void;
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error || 'no reason given'));

/** What is no error but slower than it should be: a warning of Node's, or a line on the console. */
const warn = (text: string) => (hasNode() ? process.emitWarning(text) : console.warn(text));

/** The main thread of a browser may not sleep: it looks again and again instead. */
function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

/** The main thread and threads − 1 workers. Workers join when they are up; until then the main thread works alone. */
export class WorkerTeam implements Team {
  readonly #control = new Control();
  readonly #workers: ThreadWorker[] = [];
  readonly #maySleep = maySleep();
  #generation = 0;
  /** Why a kernel failed in a worker, once that is heard of. */
  #trap = 'a trap';

  constructor(
    readonly threads: number,
    module: WebAssembly.Module,
    create: CreateWorker = () => new (nodeThreads().Worker)(workerScript(), { execArgv: [] }),
  ) {
    for (let thread = 1; thread < threads; thread++) {
      try {
        const worker = create();
        this.#workers.push(worker);
        this.#listen(worker as WorkerEvents);
        worker.postMessage({ control: this.#control.buffer, module, thread } satisfies ThreadMessage);
      } catch (cause) {
        Atomics.store(this.#control.words, STOP, 1);
        for (const started of this.#workers) void started?.terminate?.();
        const got = reasonOf(cause);
        throw new BackendError({ expected: `a worker for thread ${thread}`, got, where: 'createWorker', cause });
      }
    }
  }

  /**
   * An error outside any job, such as a worker that cannot start, leaves its work to the others, with a warning. No worker
   * keeps a program from ending that forgets to dispose of its model.
   */
  #listen(worker: WorkerEvents): void {
    if (worker.on) worker.on('error', (error) => this.#fail(error));
    else worker.addEventListener?.('error', ({ message }) => this.#fail(message));
    worker.unref?.();
  }

  #fail(error: unknown): void {
    const { words } = this.#control;
    if (Atomics.load(words, STOP)) return;
    if (Atomics.load(words, FAILED)) this.#trap = reasonOf(error);
    else warn(`neuroal: one of ${this.threads} threads failed, the others do its work: ${reasonOf(error)}`);
  }

  run({ kernel, arena, args, units, grain }: Job): void {
    const number = numberOf.get(kernel) as number;
    const run = arena.kernels.split[number];
    if (units <= grain) {
      runUnits(run, args, 0, units, 0);
      return;
    }
    const { words, args: shared } = this.#control;
    words[KERNEL] = number;
    words[ARENA] = arena.index;
    words[UNITS] = units;
    words[GRAIN] = grain;
    words[ARGUMENTS] = args.length;
    shared.set(args);
    Atomics.store(words, NEXT, 0);
    this.#turn();
    try {
      takePart(words, run, args, 0);
    } finally {
      this.#turn();
      for (let spins = 0; ; spins++) {
        const active = Atomics.load(words, ACTIVE);
        if (active === 0) break;
        if (spins > SPINS && this.#maySleep) Atomics.wait(words, ACTIVE, active, NAP_MILLISECONDS);
      }
    }
    if (Atomics.load(words, FAILED))
      throw new BackendError({
        expected: `kernel ${kernel} to finish`,
        got: this.#trap,
        where: 'a worker thread',
      });
  }

  /** Opens a job (the generation becomes odd) or closes it, and wakes whoever sleeps for it. */
  #turn(): void {
    const { words } = this.#control;
    this.#generation = (this.#generation + 1) | 0;
    Atomics.store(words, GENERATION, this.#generation);
    if (this.#generation & 1 && Atomics.load(words, SLEEPERS) > 0) Atomics.notify(words, GENERATION);
  }

  join({ index, memory }: Arena): void {
    for (const worker of this.#workers) worker.postMessage({ arena: index, memory } satisfies ThreadMessage);
  }

  async stop(): Promise<void> {
    const { words } = this.#control;
    Atomics.store(words, STOP, 1);
    this.#generation = (this.#generation + 2) | 0;
    Atomics.store(words, GENERATION, this.#generation);
    Atomics.notify(words, GENERATION);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
