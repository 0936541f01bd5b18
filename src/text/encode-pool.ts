// Threads that tokenize parts of a long text, each with a tokenizer of its own.

import { availableParallelism } from 'node:os';
import { encodeWorker } from '../package-files.js';
import type { Merging } from './bpe.js';
import type { Json } from './json.js';

/** What a tokenizer is made of, for another thread to make the same. */
export interface TokenizerParts {
  definition: Json;
  config: Json;
  merging?: Merging | undefined;
}

/** One piece of work: a part of a section. */
export interface Part {
  text: string;
  index: number;
}

export interface EncodePool {
  encode(part: Part, signal?: AbortSignal): Promise<Int32Array>;
  close(): Promise<void>;
}

/** Starts at most `threads` of them. */
export async function openPool(parts: TokenizerParts, threads: number): Promise<EncodePool> {
  const { Piscina } = await import('piscina');
  const pool = new Piscina({
    filename: encodeWorker().href,
    minThreads: 1,
    maxThreads: Math.max(1, Math.min(threads, availableParallelism())),
    idleTimeout: Number.POSITIVE_INFINITY,
    workerData: parts,
  });
  // A thread that cannot start fails its task, too.
  pool.on('error', () => {});
  return {
    encode: (part, signal) => pool.run(part, signal ? { signal } : {}),
    close: () => pool.destroy(),
  };
}
