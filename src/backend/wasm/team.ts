// The worker team: Piscina owns the threads (start, errors, shutdown); inside a forward pass they meet at the control
// block of job.ts, which costs well under a microsecond where a round trip through a pool costs ninety.

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { BackendError } from '../../errors.js';
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
import { KERNELS, type KernelName } from './kernels.js';

/** Looks at ACTIVE before the main thread sleeps for a moment: a worker still has at most a chunk to finish. */
const SPINS = 20_000;
const NAP_MILLISECONDS = 0.1;

export interface Job {
  kernel: KernelName;
  arena: Arena;
  args: readonly number[];
  /** How many units the kernel's range has, and how many to draw at a time. */
  units: number;
  grain: number;
}

/** Runs jobs; alone, or with others. */
export interface Team {
  readonly threads: number;
  run(job: Job): void;
  /** A new arena, in the order of their indices. */
  join(arena: Arena): void;
  stop(): Promise<void>;
}

const numberOf = new Map(KERNELS.map((name, i) => [name, i]));

/** One thread: no workers, no shared memory. */
export class SoloTeam implements Team {
  readonly threads = 1;

  run({ kernel, arena, args, units }: Job): void {
    arena.kernels.split[numberOf.get(kernel) as number](...args, 0, units, 0);
  }

  join(): void {}

  async stop(): Promise<void> {}
}

/** The main thread and threads − 1 workers. Workers join when they are up; until then the main thread works alone. */
export class WorkerTeam implements Team {
  readonly #control = new Control();
  readonly #arenas: MessagePort[] = [];
  readonly #started: Promise<void>[] = [];
  readonly #pool: Piscina;
  #generation = 0;
  #failure: unknown;

  private constructor(
    readonly threads: number,
    pool: Piscina,
    module: WebAssembly.Module,
  ) {
    this.#pool = pool;
    for (let thread = 1; thread < threads; thread++) {
      const { port1, port2 } = new MessageChannel();
      port1.unref();
      this.#arenas.push(port1);
      const task = { control: this.#control.buffer, module, arenas: port2, thread };
      this.#started.push(pool.run(task, { transferList: [port2] }).catch(this.#fail));
    }
    pool.on('error', this.#fail);
  }

  /** An error outside any job, such as a worker that cannot start, leaves the main thread to work alone. */
  readonly #fail = (error: unknown): void => {
    this.#failure = error;
  };

  static async start(threads: number, module: WebAssembly.Module): Promise<WorkerTeam> {
    const { Piscina } = await import('piscina');
    const pool = new Piscina({
      filename: new URL('../../../dist/backend/wasm/worker.js', import.meta.url).href,
      minThreads: threads - 1,
      maxThreads: threads - 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
    });
    return new WorkerTeam(threads, pool, module);
  }

  run({ kernel, arena, args, units, grain }: Job): void {
    const number = numberOf.get(kernel) as number;
    const run = arena.kernels.split[number];
    if (units <= grain) {
      run(...args, 0, units, 0);
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
        if (spins > SPINS) Atomics.wait(words, ACTIVE, active, NAP_MILLISECONDS);
      }
    }
    if (Atomics.load(words, FAILED))
      throw new BackendError({
        expected: `kernel ${kernel} to finish`,
        got: `${this.#failure ?? 'a trap'}`,
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

  join(arena: Arena): void {
    for (const port of this.#arenas) port.postMessage(arena.memory);
  }

  async stop(): Promise<void> {
    const { words } = this.#control;
    Atomics.store(words, STOP, 1);
    this.#generation = (this.#generation + 2) | 0;
    Atomics.store(words, GENERATION, this.#generation);
    Atomics.notify(words, GENERATION);
    for (const port of this.#arenas) port.close();
    await this.#pool.destroy();
    await Promise.all(this.#started);
  }
}
