// When to try again: broken connections and overloaded servers, a few times, each wait twice as long as the one before,
// and not sooner than the server asks.

import { setTimeout as sleep } from 'node:timers/promises';
import type { HubEnvironment } from './environment.js';
import { NoAnswer, Refusal, Unfit } from './failures.js';

/** Seconds; a server that asks for more is not waited for. */
const longestWait = 60;
const passing = [408, 425, 429, 500, 502, 503, 504];
/** Signs that nobody is there at all; worth a wait only once somebody was. */
const absent = /^(ENOTFOUND|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|.*(CERT|SIGNATURE|TLS).*)$/;

export interface RetryOptions {
  /** Attempts without progress; 5 where left out. */
  attempts?: number | undefined;
  /** Whether to try again also where nobody seems to be there. */
  patient?: boolean;
}

export class Retries {
  #failed = 0;

  constructor(
    private readonly environment: HubEnvironment,
    private readonly signal: AbortSignal | undefined,
    private readonly options: RetryOptions = {},
  ) {}

  /** There was progress: failures before it count no more. */
  reset(): void {
    this.#failed = 0;
  }

  /** Waits until another attempt is due, or throws `error` where none is. */
  async next(error: unknown): Promise<void> {
    const wait = Math.max(this.environment.retryDelay * 2 ** this.#failed, 1000 * (askedFor(error) ?? 0));
    if (!this.mayPass(error) || ++this.#failed >= (this.options.attempts ?? 5) || wait > 1000 * longestWait)
      throw error;
    // A little chance, so that many downloads do not come back all at once.
    await sleep(wait * (1 + Math.random() / 4), undefined, { signal: this.signal }).catch(() => {});
    this.signal?.throwIfAborted();
  }

  private mayPass(error: unknown): boolean {
    if (error instanceof Unfit) return false;
    if (error instanceof NoAnswer) return this.options.patient || !absent.test(error.system ?? '');
    return error instanceof Refusal && passing.includes(error.status);
  }
}

const askedFor = (error: unknown) => (error instanceof Refusal ? error.retryAfter : undefined);

/** Runs `attempt` until it succeeds or no further attempt makes sense. */
export async function retried<T>(retries: Retries, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await retries.next(error);
    }
  }
}
