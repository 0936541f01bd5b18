// The folder of a sweep: a record for every cell, one for every dense model, the tables, and the pruned models where they
// are kept. One sweep writes to it at a time, and each file appears whole.

import { rmSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { asOutputError } from '../checkpoint/disk-errors.js';
import { withLock } from '../checkpoint/lock.js';
import { makeFolder } from '../checkpoint/make-folder.js';
import { isSystemError } from '../checkpoint/system-error.js';
import { writeThenRename } from '../checkpoint/write-then-rename.js';
import { OutputError } from '../errors.js';

/** The parts of the folder that hold records. */
export type Shelf = 'cells' | 'dense';

/** About the room that a record takes, for the message of a full disk. */
const recordBytes = 1e6;

export class SweepFolder {
  readonly path: string;

  constructor(out: string) {
    this.path = resolve(out);
  }

  /** Where a pruned model waits to be measured; on the disk of the results, which has to have room for it. */
  get scratch(): string {
    return join(this.path, '.pruned');
  }

  /** Where the pruned model of a cell is kept. */
  model(id: string): string {
    return join(this.path, 'models', id);
  }

  /** Whether the pruned model of a cell is there. */
  async hasModel(id: string): Promise<boolean> {
    return (await stat(this.model(id)).catch(() => undefined))?.isDirectory() ?? false;
  }

  /** The record of that name, if there is one with this key. */
  async read<T extends { cell: { key: string } }>(shelf: Shelf, id: string, key: string): Promise<T | undefined> {
    let text: string;
    try {
      text = await readFile(this.#record(shelf, id), 'utf8');
    } catch (error) {
      if (isSystemError(error) && error.code === 'ENOENT') return undefined;
      throw this.#explained(error);
    }
    try {
      const record = JSON.parse(text);
      return record?.cell?.key === key ? record : undefined;
    } catch {
      // Of a broken record nothing is used.
      return undefined;
    }
  }

  /** Writes a record under its own id. */
  async write(shelf: Shelf, record: { cell: { id: string } }): Promise<void> {
    await this.#guarded(() => writeThenRename(this.#record(shelf, record.cell.id), json(record)));
  }

  /** Writes a file of results, a text or a JSON document, at the top. */
  async writeResults(name: string, content: unknown): Promise<void> {
    const text = typeof content === 'string' ? content : json(content);
    await this.#guarded(() => writeThenRename(join(this.path, name), text));
  }

  /** Removes the model that was measured. */
  async clear(): Promise<void> {
    await this.#guarded(() => rm(this.scratch, { recursive: true, force: true, maxRetries: 3 }));
  }

  /** Throws an OutputError where something stands there that is no sweep's. */
  async check(): Promise<void> {
    const names = await readdir(this.path).catch((error): string[] => {
      if (error.code === 'ENOENT') return [];
      throw this.#explained(error);
    });
    if (names.length === 0 || names.includes('cells')) return;
    const got = 'one that holds something else; choose another';
    throw new OutputError({ expected: 'a new or empty folder, or that of a sweep', got, where: this.path });
  }

  /**
   * Runs `work` as the only sweep in this folder, which is made where it is not there.
   * @throws OutputError where another one is at work
   */
  async alone<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    await this.check();
    await this.#guarded(async () => {
      for (const shelf of ['cells', 'dense']) await makeFolder(join(this.path, shelf));
    });
    const lock = join(this.path, '.lock');
    const onWait = () => {
      const got = `another one at work there (if there is none, delete ${lock})`;
      throw new OutputError({ expected: 'one sweep at a time', got, where: this.path });
    };
    // A second Ctrl-C ends the process without a word to any `finally`.
    const removeNow = () => rmSync(this.scratch, { recursive: true, force: true, maxRetries: 3 });
    return withLock(lock, { signal, onWait }, async () => {
      process.on('exit', removeNow);
      try {
        await this.clear();
        return await work();
      } finally {
        process.off('exit', removeNow);
        await this.clear();
      }
    }).catch((error) => {
      throw this.#explained(error);
    });
  }

  #record(shelf: Shelf, id: string): string {
    return join(this.path, shelf, `${id}.json`);
  }

  async #guarded(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): unknown {
    return asOutputError(error, this.path, recordBytes);
  }
}

const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;
