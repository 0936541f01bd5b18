// Progress of long work: one line on stderr that is gone when the work is done. It shows only on a terminal, and only
// once the work has taken a second. The bars are loaded meanwhile.

import type bars from 'cli-progress';
import { isTrue } from '../checkpoint/hub/environment.js';
import type { Progress } from '../progress.js';
import { size } from './figures.js';

/** Milliseconds of work that need no progress. */
const PATIENCE = 1000;

const labels: Record<Progress['phase'], string> = {
  download: 'downloading',
  read: 'reading data',
  load: 'loading',
  tokenize: 'tokenizing',
  search: 'searching λ',
  prune: 'pruning',
  save: 'saving',
  evaluate: 'evaluating',
  generate: 'measuring',
};

export class ProgressLine {
  readonly #started = performance.now();
  #bars: typeof bars | null = null;
  #bar: bars.SingleBar | null = null;
  #phase: string | null = null;

  /** @param stream where it shows; null, or a stream that is no terminal, shows nothing */
  constructor(private readonly stream: NodeJS.WriteStream | null) {
    if (!stream?.isTTY) return;
    const keep = (loaded: { default: typeof bars }) => {
      this.#bars = loaded.default;
    };
    // Work goes on without them.
    import('cli-progress').then(keep, () => {});
  }

  show({ phase, done, total, note = '' }: Progress): void {
    if (!this.stream || !this.#bars || performance.now() - this.#started < PATIENCE) return;
    const { Format, SingleBar } = this.#bars;
    const bytes = phase === 'download' || phase === 'read';
    if (phase === 'download' && isTrue(process.env.HF_HUB_DISABLE_PROGRESS_BARS)) return;
    if (this.#bar === null || this.#phase !== phase) {
      this.clear();
      this.#phase = phase;
      this.#bar = new SingleBar({
        stream: this.stream,
        format: `${labels[phase]} [{bar}] {value}/{total} {note}`,
        barsize: 30,
        clearOnComplete: true,
        formatValue: (value, options, type) =>
          bytes && type !== 'percentage' ? size(value) : Format.ValueFormat(value, options, type),
        // Ctrl-C is the session's business.
        gracefulExit: false,
      });
      this.#bar.start(total, done, { note });
    } else {
      this.#bar.setTotal(total);
      this.#bar.update(done, { note });
    }
  }

  /** Takes the line away; the next progress brings it back. */
  clear(): void {
    this.#bar?.stop();
    this.#bar = null;
  }
}
