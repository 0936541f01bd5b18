// Progress of long work: one line on stderr that is gone when the work is done. It shows only on a terminal, and only
// once the work has taken a second.

import { SingleBar } from 'cli-progress';
import type { Progress } from '../progress.js';

/** Milliseconds of work that need no progress. */
const PATIENCE = 1000;

const labels: Record<Progress['phase'], string> = {
  load: 'loading',
  tokenize: 'reading text',
  search: 'searching λ',
  prune: 'pruning',
  save: 'saving',
  evaluate: 'evaluating',
  generate: 'measuring',
};

export class ProgressLine {
  readonly #started = performance.now();
  #bar: SingleBar | null = null;
  #phase: string | null = null;

  /** @param stream where it shows; null, or a stream that is no terminal, shows nothing */
  constructor(private readonly stream: NodeJS.WriteStream | null) {}

  show({ phase, done, total, note = '' }: Progress): void {
    if (!this.stream?.isTTY || performance.now() - this.#started < PATIENCE) return;
    if (this.#bar === null || this.#phase !== phase) {
      this.clear();
      this.#phase = phase;
      this.#bar = new SingleBar({
        stream: this.stream,
        format: `${labels[phase]} [{bar}] {value}/{total} {note}`,
        barsize: 30,
        clearOnComplete: true,
        // Ctrl-C is the session's business.
        gracefulExit: false,
      });
      this.#bar.start(total, done, { note });
    } else this.#bar.update(done, { note });
  }

  /** Takes the line away; the next progress brings it back. */
  clear(): void {
    this.#bar?.stop();
    this.#bar = null;
  }
}
