// What the formats of weight files have in common once their directory has been read and believed: tensors by name, each
// read by byte range, so that no more than one is ever in memory.

import { CheckpointError } from '../errors.js';
import { quoted, tensorAt } from '../quoted.js';
import { type ByteFile, readRange } from './byte-file.js';
import { assertFloatDtype, finiteFloats } from './float-dtype.js';
import { Mark } from './mark.js';
import type { StoredDtype } from './stored-dtype.js';

export interface TensorEntry {
  dtype: StoredDtype;
  shape: readonly number[];
  /** First byte, counted from the start of the file. */
  begin: number;
  /** Byte behind the last. */
  end: number;
  /**
   * Where the values do not lie there in order and without gaps, as those of a view need not: elements from one index to
   * the next, an axis each.
   */
  strides?: readonly number[];
}

/** An open file of weights, in any format. */
export abstract class WeightFile {
  abstract readonly format: 'safetensors' | 'torch';

  constructor(
    protected readonly file: ByteFile,
    /** In the file's own order. */
    readonly tensors: ReadonlyMap<string, TensorEntry>,
    readonly fileBytes: number,
  ) {}

  /** What messages call it. */
  get path(): string {
    return this.file.path;
  }

  /** Whether its tensors must be read in the order in which they lie there, each once. */
  get onePass(): boolean {
    return this.file.onePass;
  }

  /**
   * The raw bytes of one tensor, row-major, in memory of their own.
   * Throws a CheckpointError if there is no such tensor or the file cannot be read.
   */
  async read(name: string, signal?: AbortSignal): Promise<ArrayBuffer> {
    const { begin, end } = this.entry(name);
    return readRange(this.file, begin, end, tensorAt(this.path, name), signal);
  }

  /**
   * Bytes `from` up to `to` of one tensor, as they lie in the file, in memory of their own.
   * Throws a CheckpointError if there is no such tensor or the file cannot be read.
   */
  async readPart(name: string, from: number, to: number, signal?: AbortSignal): Promise<ArrayBuffer> {
    const { begin } = this.entry(name);
    return readRange(this.file, begin + from, begin + to, tensorAt(this.path, name), signal);
  }

  /** The same, from byte `from` on, into memory that is given. */
  async readInto(name: string, from: number, into: Uint8Array<ArrayBuffer>, signal?: AbortSignal): Promise<void> {
    const begin = this.entry(name).begin + from;
    await this.file.fill(begin, into, tensorAt(this.path, name), signal);
  }

  /**
   * One tensor's values, row-major, as f32.
   * Throws a CheckpointError if it is missing, stored as anything but a FloatDtype, or holds a NaN, an infinity or a
   * number beyond f32.
   */
  async readFloats(name: string, signal?: AbortSignal): Promise<Float32Array> {
    const { dtype } = this.entry(name);
    const where = tensorAt(this.path, name);
    assertFloatDtype(dtype, where);
    return finiteFloats(await this.read(name, signal), dtype, where);
  }

  /** Asked before any is read, what tells when all are whether two tensors have the same bytes (mark.ts). */
  markOf(name: string): () => Promise<string> {
    const { begin, end } = this.entry(name);
    const mark = this.file.mark?.(begin, end);
    if (mark) return async () => mark();
    return async () => {
      const own = new Mark(0, end - begin);
      own.add(new Uint8Array(await this.read(name)), 0);
      return own.text;
    };
  }

  /** Says that a tensor will not be asked for (again): of a file that goes by once, what is kept of it goes. */
  async letGo(name: string, signal?: AbortSignal): Promise<void> {
    const { begin, end } = this.entry(name);
    await this.file.letGo?.(begin, end, tensorAt(this.path, name), signal);
  }

  /** Fails where a file that goes by once is longer or shorter than its header says. */
  async expectEnd(signal?: AbortSignal): Promise<void> {
    await this.file.expectEnd?.(this.fileBytes, signal);
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  protected entry(name: string): TensorEntry {
    const entry = this.tensors.get(name);
    if (entry) return entry;
    const got = `none of that name among ${this.tensors.size}`;
    throw new CheckpointError({ expected: `tensor ${quoted(name)}`, got, where: this.path });
  }
}
