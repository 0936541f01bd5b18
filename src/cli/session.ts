// What surrounds the work of one command: signals that stop it, its progress, and where its results go.

import { OutputError } from '../errors.js';
import type { Progress } from '../progress.js';
import { Interrupted, OutputClosed } from './failure.js';
import type { CommonOptions } from './options.js';
import { ProgressLine } from './progress.js';

const signals = ['SIGINT', 'SIGTERM'] as const;

export class Session {
  readonly #controller = new AbortController();
  readonly #progress: ProgressLine;
  readonly #quiet: boolean;

  constructor({ json, quiet }: CommonOptions) {
    this.#quiet = quiet === true || json === true;
    this.#progress = new ProgressLine(quiet === true ? null : process.stderr);
  }

  /** Aborted by Ctrl-C, by SIGTERM, and when nobody reads the results any more. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly onProgress = (progress: Progress): void => this.#progress.show(progress);

  /** A remark on stderr. */
  note(text: string): void {
    if (this.#quiet) return;
    this.#progress.clear();
    process.stderr.write(`${text}\n`);
  }

  /** Writes a result to stdout, and waits until it is out. */
  async print(text: string): Promise<void> {
    this.#progress.clear();
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(outputFailure(error)) : resolve()));
    });
  }

  async printJson(document: unknown): Promise<void> {
    await this.print(`${JSON.stringify(document, null, 1)}\n`);
  }

  /** Writes a piece of a result to stdout; where that fails, the work is aborted. */
  readonly stream = (text: string): void => {
    this.#progress.clear();
    process.stdout.write(text, (error) => {
      if (error) this.#controller.abort(outputFailure(error));
    });
  };

  /** Runs `work` so that a first signal aborts it and a second one ends the program at once. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const stop = (name: NodeJS.Signals) => {
      const reason = new Interrupted(name as (typeof signals)[number]);
      this.#progress.clear();
      if (this.signal.aborted) process.exit(reason.exitCode);
      this.#controller.abort(reason);
    };
    for (const name of signals) process.on(name, stop);
    try {
      return await work();
    } catch (error) {
      throw this.signal.aborted ? this.signal.reason : error;
    } finally {
      this.#progress.clear();
      for (const name of signals) process.off(name, stop);
    }
  }
}

/** Runs the work of a command in a session of its own. */
export async function inSession(options: CommonOptions, work: (session: Session) => Promise<void>): Promise<void> {
  const session = new Session(options);
  await session.run(() => work(session));
}

function outputFailure(cause: NodeJS.ErrnoException): Error {
  if (cause.code === 'EPIPE' || cause.code === 'ERR_STREAM_DESTROYED') return new OutputClosed('stdout is closed');
  return new OutputError({ expected: 'to write the result to stdout', got: cause.message, cause });
}
