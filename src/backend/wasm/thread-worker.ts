// The workers that may be threads of a team.

/** What a team needs of a worker; those of browsers and of node:worker_threads have it. */
export interface ThreadWorker {
  postMessage(message: unknown): void;
  terminate(): unknown;
}

/** Starts a worker that runs worker.ts, by itself or inside a bundle. */
export type CreateWorker = () => ThreadWorker;
