// A file whose small ranges are read with what follows them: a model has many small tensors, which lie together, and each read
// takes its time. For files that nobody changes meanwhile.

import type { ByteFile } from './byte-file.js';

/** A range that is not longer is read with so much of what follows. */
const smallBytes = 256 * 1024;
const aheadBytes = 1024 * 1024;

export class AheadFile implements ByteFile {
  readonly path: string;
  readonly bytes: number;
  readonly onePass = false;
  #ahead = { begin: 0, bytes: new Uint8Array(0) };

  /** @param file one that can be read in any order, and knows its size */
  constructor(private readonly file: ByteFile) {
    this.path = file.path;
    this.bytes = file.bytes ?? 0;
  }

  async fill(begin: number, into: Uint8Array, where: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const end = begin + into.length;
    if (into.length > smallBytes || end > this.bytes) return this.file.fill(begin, into, where, signal);
    const { begin: from, bytes } = this.#ahead;
    if (begin < from || end > from + bytes.length) {
      const ahead = new Uint8Array(Math.min(aheadBytes, this.bytes - begin));
      await this.file.fill(begin, ahead, where, signal);
      this.#ahead = { begin, bytes: ahead };
    }
    const at = begin - this.#ahead.begin;
    into.set(this.#ahead.bytes.subarray(at, at + into.length));
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
