// A file whose small ranges are read with what follows them: a model has many small tensors, which lie together, and each read
// takes its time. For files that nobody changes meanwhile.

import type { ByteFile } from './byte-file.js';

/** A range that is not longer is read with so much of what follows. */
const smallBytes = 256 * 1024;
const aheadBytes = 512 * 1024;

export class AheadFile implements ByteFile {
  readonly path: string;
  readonly bytes: number;
  readonly onePass = false;
  #ahead: { begin: number; bytes: Uint8Array } = { begin: 0, bytes: new Uint8Array(0) };
  /** What was read ahead before: memory for the next time. */
  #spare: Uint8Array | null = null;

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
      const memory = this.#spare ?? new Uint8Array(Math.min(aheadBytes, this.bytes));
      this.#spare = null;
      const ahead = memory.subarray(0, this.bytes - begin);
      await this.file.fill(begin, ahead, where, signal);
      const { buffer } = this.#ahead.bytes;
      if (buffer.byteLength > 0) this.#spare = new Uint8Array(buffer);
      this.#ahead = { begin, bytes: ahead };
    }
    const at = begin - this.#ahead.begin;
    into.set(this.#ahead.bytes.subarray(at, at + into.length));
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
