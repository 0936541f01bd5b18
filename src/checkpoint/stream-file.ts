// A file of weights that goes by once: the body of an answer, or any stream of bytes. It is read from its beginning to its
// end; what is passed over on the way to a later range is kept until it is read and let go.

import { CheckpointError } from '../errors.js';
import { safePoint } from '../progress.js';
import { type ByteFile, memoryFor } from './byte-file.js';
import { Mark } from './mark.js';

/** Between so many pieces others get their turn: a stream whose pieces are always there would keep every timer waiting. */
const PIECES = 64;

/** Bytes by which a file that is opened again is known: of headers, which are all that is read before. */
const BEGINNING = 1 << 16;

interface Kept {
  begin: number;
  bytes: Uint8Array;
}

export class StreamFile implements ByteFile {
  readonly bytes = undefined;
  readonly onePass = true;
  /** Opens the stream again, where that is possible. */
  pause?: () => Promise<void>;
  #reader: ReadableStreamDefaultReader<unknown> | null = null;
  /** What of the last piece of the stream has not been taken. */
  #rest = new Uint8Array(0);
  #position = 0;
  #pieces = 0;
  #kept: Kept[] = [];
  #marks: Mark[] = [];
  /** Of the first bytes that were taken: what comes when the stream is opened again has to begin so. */
  readonly #beginning = new Mark(0, BEGINNING);
  /** The stream has ended, or is not wanted any more. */
  #over = false;

  /**
   * @param open the stream; asked for when the first byte is read
   * @param again whether it can be asked for again
   */
  constructor(
    readonly path: string,
    private readonly open: (signal?: AbortSignal) => Promise<ReadableStream<unknown>>,
    again = false,
  ) {
    if (again) this.pause = () => this.#disconnect();
  }

  async fill(begin: number, into: Uint8Array, where: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (begin < this.#position) {
      const end = begin + into.length;
      const kept = this.#kept.find((k) => k.begin <= begin && end <= k.begin + k.bytes.length);
      if (!kept && into.length > 0) throw new TypeError(`bytes ${begin} to ${end} of ${this.path} have gone by`);
      if (kept) into.set(kept.bytes.subarray(begin - kept.begin, end - kept.begin));
      return;
    }
    const between = begin - this.#position;
    if (between > 0) {
      const kept = { begin: this.#position, bytes: new Uint8Array(memoryFor(between, where)) };
      await this.#take(between, (piece, at) => kept.bytes.set(piece, at), where, signal);
      this.#kept.push(kept);
    }
    await this.#take(into.length, (piece, at) => into.set(piece, at), where, signal);
  }

  /** All that is left of it; undefined where that is more than `most` bytes. */
  async readAll(most: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    while (await this.#more(signal)) {
      pieces.push(this.#rest);
      bytes += this.#rest.length;
      this.#rest = new Uint8Array(0);
      if (bytes > most) return undefined;
    }
    const all = new Uint8Array(bytes);
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  async letGo(begin: number, end: number, where: string, signal?: AbortSignal): Promise<void> {
    if (begin === this.#position) await this.#take(end - begin, () => {}, where, signal);
    this.#kept = this.#kept.flatMap((kept) => without(kept, begin, end));
  }

  mark(begin: number, end: number): () => string {
    const mark = new Mark(begin, end);
    this.#marks.push(mark);
    return () => mark.text;
  }

  async expectEnd(end: number, signal?: AbortSignal): Promise<void> {
    await this.#take(end - this.#position, () => {}, this.path, signal);
    if (!(await this.#more(signal))) return;
    throw new CheckpointError({
      expected: `${end} bytes, as the header says; download the file again`,
      got: 'more',
      where: this.path,
    });
  }

  async close(): Promise<void> {
    this.#over = true;
    this.#kept = [];
    await this.#disconnect();
  }

  async #disconnect(): Promise<void> {
    const reader = this.#reader;
    this.#reader = null;
    this.#rest = new Uint8Array(0);
    // A stream that has failed cannot be cancelled, and need not be.
    await reader?.cancel().catch(() => {});
  }

  /** Hands out the next bytes as they come, each piece with its distance from the first of them. */
  async #take(
    bytes: number,
    use: (piece: Uint8Array, at: number) => void,
    where: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const begin = this.#position;
    for (let done = 0; done < bytes; ) {
      if (!(await this.#more(signal)))
        throw new CheckpointError({
          expected: `data up to byte ${begin + bytes}`,
          got: `a stream that ends at ${this.#position}; download the file again`,
          where,
        });
      const piece = this.#rest.subarray(0, bytes - done);
      this.#rest = this.#rest.subarray(piece.length);
      for (const mark of this.#marks) mark.add(piece, this.#position);
      if (this.pause && this.#position < BEGINNING) this.#beginning.add(piece, this.#position);
      use(piece, done);
      done += piece.length;
      this.#position += piece.length;
    }
  }

  /** Sees to it that there is something in `#rest`; false at the end. */
  async #more(signal?: AbortSignal): Promise<boolean> {
    while (this.#rest.length === 0) {
      if (this.#over) return false;
      signal?.throwIfAborted();
      if (!this.#reader) {
        await this.#connect(signal);
        continue;
      }
      const piece = await this.#next(signal);
      if (piece === null) {
        this.#over = true;
        return false;
      }
      this.#rest = piece;
    }
    return true;
  }

  /** Opens the stream, and goes to where it was left. */
  async #connect(signal?: AbortSignal): Promise<void> {
    this.#reader = (await this.open(signal)).getReader();
    const beginning = new Mark(0, BEGINNING);
    const other = (got: string) =>
      new CheckpointError({
        expected: `the same file as before, with more than ${this.#position} bytes`,
        got,
        where: this.path,
      });
    for (let at = 0; at < this.#position; ) {
      const piece = await this.#next(signal);
      if (piece === null) throw other(`one that ends at ${at}`);
      const known = piece.subarray(0, this.#position - at);
      if (at < BEGINNING) beginning.add(known, at);
      this.#rest = piece.subarray(known.length);
      at += known.length;
    }
    if (beginning.text !== this.#beginning.text) throw other('one that begins otherwise');
  }

  /** The next piece of the stream, null at its end. An abort ends the wait for it. */
  async #next(signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer> | null> {
    const reader = this.#reader as ReadableStreamDefaultReader<unknown>;
    if (++this.#pieces % PIECES === 0) await safePoint(signal);
    const stop = () => void reader.cancel(signal?.reason).catch(() => {});
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) return null;
      if (value instanceof Uint8Array) return value as Uint8Array<ArrayBuffer>;
      throw new CheckpointError({ expected: 'a stream of bytes', got: `one of ${typeof value}s`, where: this.path });
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof CheckpointError) throw cause;
      const got = cause instanceof Error ? cause.message : String(cause);
      throw new CheckpointError({ expected: 'a stream that can be read to its end', got, where: this.path, cause });
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }
}

/** What is kept but for bytes `begin` up to `end`; what remains has memory of its own, so that the rest is given back. */
function without({ begin: from, bytes }: Kept, begin: number, end: number): Kept[] {
  const to = from + bytes.length;
  if (end <= from || to <= begin) return [{ begin: from, bytes }];
  const parts: Kept[] = [];
  if (from < begin) parts.push({ begin: from, bytes: bytes.slice(0, begin - from) });
  if (end < to) parts.push({ begin: end, bytes: bytes.slice(end - from) });
  return parts;
}
