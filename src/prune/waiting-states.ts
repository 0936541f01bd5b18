// The hidden states of the candidates of a search that wait for their turn. As many as the given bytes allow are kept in
// memory; those of the candidates least likely to be next wait in files of a temporary folder.

import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSystemError } from '../checkpoint/system-error.js';
import { OutputError } from '../errors.js';
import type { BlockStream, HiddenStates } from './stream.js';

export class WaitingStates {
  readonly #held = new Map<number, HiddenStates>();
  /** Candidates whose states are in files, one for each batch. */
  readonly #spilled = new Set<number>();
  readonly #most: number;
  #folder: string | null = null;

  /** @param bytes that the states in memory may take; those of one candidate always may */
  constructor(
    readonly stream: BlockStream,
    bytes: number,
  ) {
    this.#most = Math.max(1, Math.floor(bytes / stream.stateBytes));
  }

  /**
   * The states of candidate i in memory: as they were left, or of undefined content the first time.
   * @param patience the larger, the sooner a candidate makes room
   * @throws OutputError where a file cannot be written or read
   */
  async hold(i: number, patience: (candidate: number) => number): Promise<HiddenStates> {
    const held = this.#held.get(i);
    if (held) return held;
    while (this.#held.size >= this.#most)
      await this.#spill([...this.#held.keys()].reduce((a, b) => (patience(b) > patience(a) ? b : a)));
    const states = this.stream.allocate();
    this.#held.set(i, states);
    if (this.#spilled.has(i))
      await this.#files(i, states, async (file, batch) => {
        const bytes = await readFile(file);
        this.stream.backend.write(states[batch], new Float32Array(bytes.buffer, bytes.byteOffset, states[batch].size));
        await rm(file);
      });
    this.#spilled.delete(i);
    return states;
  }

  /** Drops the states of candidate i, which are in memory. */
  release(i: number): void {
    const held = this.#held.get(i);
    if (held) this.stream.free(held);
    this.#held.delete(i);
  }

  /** Drops everything, the folder included. */
  free(): void {
    for (const states of this.#held.values()) this.stream.free(states);
    this.#held.clear();
    this.#spilled.clear();
    this.#remove();
  }

  async #spill(i: number): Promise<void> {
    const states = this.#held.get(i) as HiddenStates;
    await this.#files(i, states, async (file, batch) => writeFile(file, await this.stream.backend.read(states[batch])));
    this.#spilled.add(i);
    this.release(i);
  }

  /** Something for the file of each batch of candidate i, one after another. */
  async #files(i: number, states: HiddenStates, use: (file: string, batch: number) => Promise<void>): Promise<void> {
    try {
      this.#folder ??= await this.#makeFolder();
      for (const batch of states.keys()) await use(join(this.#folder, `${i}-${batch}.f32`), batch);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new OutputError({
        expected: 'room for the states of waiting candidates (raise --search-memory, or let TMPDIR name a larger disk)',
        got: error.message,
        where: this.#folder ?? tmpdir(),
        cause: error,
      });
    }
  }

  async #makeFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'neuroal-search-'));
    // A second Ctrl-C ends the process without a word to whoever would call `free`.
    process.on('exit', this.#remove);
    return folder;
  }

  readonly #remove = (): void => {
    process.off('exit', this.#remove);
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
    this.#folder = null;
  };
}
