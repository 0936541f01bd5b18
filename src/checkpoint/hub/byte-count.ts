// Progress of a download of several files: bytes of all, and how many files are done.

import type { LongRunning } from '../../progress.js';

/** Milliseconds between two reports: bytes come in thousands of pieces. */
const reportEvery = 100;

export class ByteCount {
  #done = 0;
  #total = 0;
  #files = 0;
  #filesDone = 0;
  #reported = 0;

  constructor(private readonly onProgress: LongRunning['onProgress']) {}

  /** A file of `bytes` is to come; where its size is not known, the total grows with what comes. */
  expect(bytes = 0): void {
    this.#total += bytes;
    this.#files++;
  }

  /** Bytes that came, or (negative) that have to come again. */
  readonly add = (bytes: number): void => {
    this.#done += bytes;
    if (performance.now() - this.#reported >= reportEvery) this.report();
  };

  /** A file is there. */
  finish(): void {
    this.#filesDone++;
    this.report();
  }

  readonly report = (note = `${this.#filesDone} of ${this.#files} files`): void => {
    this.#reported = performance.now();
    const done = Math.max(0, this.#done);
    this.onProgress?.({ phase: 'download', done, total: Math.max(done, this.#total), note });
  };
}
