// The hidden states of the candidates of a search that wait for their turn. As many as the given bytes allow are kept in
// memory; those of the candidates least likely to be next wait in files of a temporary folder.

import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asOutputError } from '../checkpoint/disk-errors.js';
import type { BlockStream, HiddenStates } from './stream.js';

export class WaitingStates {
  readonly #held = new Map<number, HiddenStates>();
  readonly #spilled = new Map<number, string>();
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
   */
  async hold(i: number, patience: (candidate: number) => number): Promise<HiddenStates> {
    const held = this.#held.get(i);
    if (held) return held;
    while (this.#held.size >= this.#most)
      await this.#spill([...this.#held.keys()].reduce((a, b) => (patience(b) > patience(a) ? b : a)));
    const states = this.stream.allocate();
    this.#held.set(i, states);
    const file = this.#spilled.get(i);
    if (file !== undefined) {
      const bytes = await readFile(file);
      let at = bytes.byteOffset;
      for (const x of states) {
        this.stream.backend.write(x, new Float32Array(bytes.buffer, at, x.size));
        at += 4 * x.size;
      }
      await this.#forget(i, file);
    }
    return states;
  }

  /** Drops the states of candidate i, if it has any. */
  async release(i: number): Promise<void> {
    const held = this.#held.get(i);
    if (held) this.stream.free(held);
    this.#held.delete(i);
    const file = this.#spilled.get(i);
    if (file !== undefined) await this.#forget(i, file);
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
    try {
      this.#folder ??= await this.#makeFolder();
      const file = join(this.#folder, `${i}.f32`);
      const parts = await Promise.all(states.map((x) => this.stream.backend.read(x)));
      await writeFile(file, parts);
      this.#spilled.set(i, file);
    } catch (error) {
      throw asOutputError(error, this.#folder ?? tmpdir(), this.stream.stateBytes);
    }
    this.stream.free(states);
    this.#held.delete(i);
  }

  async #makeFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'neuroal-search-'));
    // A second Ctrl-C ends the process without a word to whoever would call `free`.
    process.on('exit', this.#remove);
    return folder;
  }

  async #forget(i: number, file: string): Promise<void> {
    this.#spilled.delete(i);
    await rm(file, { force: true });
  }

  readonly #remove = (): void => {
    process.off('exit', this.#remove);
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
    this.#folder = null;
  };
}
