// The files of a model by their names, wherever they lie: in a folder of a disk, at a URL, in memory. What reads a model
// reads it through this, so that there is one way for all of them.

import { CheckpointError, type ErrorParts, type NeuroalError } from '../errors.js';
import type { ByteFile } from './byte-file.js';

export type ErrorClass = new (parts: ErrorParts) => NeuroalError;

/** How a small file is read, and what is thrown where it cannot be. */
export interface Reading {
  /** For messages: `JSON file`. */
  kind: string;
  /** A longer one is refused. */
  mostBytes: number;
  Failure: ErrorClass;
  signal?: AbortSignal | undefined;
}

export interface Folder {
  /** What messages and records call it. */
  readonly name: string;
  /** What messages call a file in it. */
  pathOf(...names: string[]): string;
  /** The names of what is in it, or in the folder `below` inside it; none where nobody can tell. */
  list(below?: string): Promise<string[]>;
  /** Whether there is a file of that name. */
  has(name: string, signal?: AbortSignal): Promise<boolean>;
  /** The bytes of a small file, by its path below; undefined where there is none. */
  read(names: readonly string[], how: Reading): Promise<Uint8Array | undefined>;
  /**
   * A file of weights, open.
   * @param kind for messages: `safetensors file`
   * @throws CheckpointError where there is none
   */
  open(name: string, kind: string, signal?: AbortSignal): Promise<ByteFile>;
  /** Where no model came of it: lets go of streams and answers that nobody has begun to read. */
  close?(): void;
}

/** What there is to say of a file that is not there. */
export const absent = (path: string, kind: string) =>
  new CheckpointError({ expected: `a readable ${kind}`, got: 'no such file', where: path });
