// A signal for one request: it aborts when the caller's does, or when nothing has happened for a while.

import { NoAnswer } from './failures.js';

export class IdleSignal {
  readonly #controller = new AbortController();
  readonly #onAbort = () => this.#controller.abort(this.outer?.reason);
  #timer: NodeJS.Timeout | undefined;

  /** @param milliseconds that may pass without a call of `alive` */
  constructor(
    private readonly milliseconds: number,
    private readonly outer?: AbortSignal,
  ) {
    if (outer?.aborted) this.#onAbort();
    outer?.addEventListener('abort', this.#onAbort);
    this.alive();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something happened: the wait begins anew. */
  alive(): void {
    this.#timer ??= setTimeout(() => {
      this.#controller.abort(new NoAnswer(`nothing for ${this.milliseconds / 1000} s`, 'ETIMEDOUT'));
    }, this.milliseconds);
    this.#timer.refresh();
  }

  /** Ends the watch; the signal aborts no more. */
  end(): void {
    clearTimeout(this.#timer);
    this.outer?.removeEventListener('abort', this.#onAbort);
  }
}
