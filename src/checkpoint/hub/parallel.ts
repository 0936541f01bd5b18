// A few things at a time.

/**
 * Runs `work` on every item, at most `atOnce` together. The first failure stops the others, through the signal that they
 * are given, and is thrown once all have stopped.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  atOnce: number,
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort);
  const results = new Array<R>(items.length);
  const queue = items.entries();
  const worker = async () => {
    try {
      for (const [i, item] of queue) {
        stop.signal.throwIfAborted();
        results[i] = await work(item, stop.signal);
      }
    } catch (error) {
      stop.abort(error);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  signal?.removeEventListener('abort', onAbort);
  stop.signal.throwIfAborted();
  return results;
}
