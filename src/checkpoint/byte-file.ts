// A file of weights as bytes, wherever it lies: on a disk, in memory, or in a stream that goes by once. Anything that goes
// wrong, from a file that has become shorter meanwhile to a lack of memory, is a CheckpointError that names the file.

import { CheckpointError } from '../errors.js';

/** An open file. */
export interface ByteFile {
  /** What messages call it. */
  readonly path: string;
  /** Its size; undefined where only its end will tell. */
  readonly bytes: number | undefined;
  /**
   * Whether its bytes go by once: then none may be read twice, and what is passed over on the way to others is kept in
   * memory until it is read and let go.
   */
  readonly onePass: boolean;
  /** Fills `into` with the bytes from `begin` on. `where` names the file, and the tensor if it is one. */
  fill(begin: number, into: Uint8Array, where: string, signal?: AbortSignal): Promise<void>;
  // Of one that goes by once. -------------------------------------------------------------------------------------------
  /** Says that bytes `begin` up to `end` will not be asked for (again). */
  letGo?(begin: number, end: number, where: string, signal?: AbortSignal): Promise<void>;
  /** Asked before they do: a mark of bytes `begin` up to `end` (mark.ts), when they have gone by. */
  mark?(begin: number, end: number): () => string;
  /** Fails unless the file ends at byte `end`. */
  expectEnd?(end: number, signal?: AbortSignal): Promise<void>;
  /** Of one that can be asked for again: lets go of the connection until more is read. */
  pause?(): Promise<void>;

  close(): Promise<void>;
}

/** Memory of that many bytes. Throws a CheckpointError where there is too little; `where` names the tensor. */
export function memoryFor(bytes: number, where: string): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch (cause) {
    const expected = `memory for one tensor of ${bytes} bytes`;
    throw new CheckpointError({ expected, got: 'too little', where, cause });
  }
}

/** Bytes `begin` up to `end` of a file, in memory of their own. `where` names the file, and the tensor if it is one. */
export async function readRange(
  file: Pick<ByteFile, 'fill'>,
  begin: number,
  end: number,
  where: string,
  signal?: AbortSignal,
): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(memoryFor(end - begin, where));
  await file.fill(begin, bytes, where, signal);
  return bytes.buffer;
}
