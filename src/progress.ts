// What everything long has in common: it reports typed progress, and it can be stopped.

/** One step of a long operation; `done` of `total` in units that `phase` implies (of 'download' and 'read', bytes; of 'tokenize', characters of one text, else windows or requests). */
export interface Progress {
  phase: 'download' | 'read' | 'load' | 'tokenize' | 'search' | 'prune' | 'save' | 'evaluate' | 'generate';
  done: number;
  total: number;
  /** A short remark for a person, such as the λ being tried or the perplexity so far. */
  note?: string;
}

/** Options that every long function takes. */
export interface LongRunning {
  /** Stops the work at the next safe point; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * A safe point inside a long computation: lets the event loop run (signals, timers, a server's other requests),
 * then throws the signal's reason if the work was aborted.
 */
export async function safePoint(signal?: AbortSignal): Promise<void> {
  await new Promise<void>(typeof setImmediate === 'function' ? (resolve) => setImmediate(resolve) : afterMessage);
  signal?.throwIfAborted();
}

/** What the promise gives, unless the signal says first that nobody waits for it any more; the promise itself goes on. */
export async function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  // What nobody waits for any more may fail unheard.
  promise.catch(() => {});
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

interface Port {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
  close(): void;
}

/** What a browser has in the place of `setImmediate`: a timer would wait for milliseconds. */
function afterMessage(resolve: () => void): void {
  const { port1, port2 } = new MessageChannel() as unknown as Record<'port1' | 'port2', Port>;
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(null);
}
