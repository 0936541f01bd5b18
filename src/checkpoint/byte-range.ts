// Files of weights, opened and read by byte range. Anything that goes wrong, from a missing file to one that has become
// shorter meanwhile, is a CheckpointError that names the file.

import { type FileHandle, open, stat } from 'node:fs/promises';
import { CheckpointError } from '../errors.js';
import { isSystemError } from './disk-errors.js';

/** One read system call; between two the signal is looked at. */
const chunkBytes = 64 * 1024 * 1024;

/** What a clone without Git LFS has in the place of a large file begins so. */
const lfsPointer = 'version https://git-lfs';

/**
 * Opens the file at `path`, refuses a Git LFS pointer, and hands it to `read`; if that fails the file is closed.
 * @param kind of file, for messages: `safetensors file`
 */
export async function openForReading<T>(
  path: string,
  kind: string,
  read: (handle: FileHandle, fileBytes: number) => Promise<T>,
): Promise<T> {
  let handle: FileHandle | undefined;
  const fail = (expected: string, got: string, cause?: unknown) =>
    new CheckpointError({ expected, got, where: path, cause });
  try {
    // Looked at before it is opened: opening a named pipe would wait for ever.
    if (!(await stat(path)).isFile()) throw fail(`a ${kind}`, 'something that is not a file');
    handle = await open(path, 'r');
    const { size } = await handle.stat();
    const first = await readRange(handle, 0, Math.min(size, lfsPointer.length), path);
    if (Buffer.from(first).toString('latin1') === lfsPointer)
      throw fail(`a ${kind}`, 'a Git LFS pointer; run "git lfs pull" in the folder, or download the file again');
    return await read(handle, size);
  } catch (error) {
    await handle?.close();
    if (!isSystemError(error)) throw error;
    throw fail(`a readable ${kind}`, error.code === 'ENOENT' ? 'no such file' : error.message, error);
  }
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
  handle: FileHandle,
  begin: number,
  end: number,
  where: string,
  signal?: AbortSignal,
): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(memoryFor(end - begin, where));
  await fillRange(handle, begin, bytes, where, signal);
  return bytes.buffer;
}

/** Fills `bytes` with those of a file from `begin` on. */
export async function fillRange(
  handle: FileHandle,
  begin: number,
  bytes: Uint8Array<ArrayBuffer>,
  where: string,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(chunkBytes, bytes.length - done);
    const { bytesRead } = await handle.read(bytes, done, length, begin + done).catch((cause: unknown) => {
      throw new CheckpointError({ expected: 'a readable file', got: (cause as Error).message, where, cause });
    });
    if (bytesRead === 0)
      throw new CheckpointError({
        expected: `data up to byte ${begin + bytes.length}`,
        got: `a file that ends at ${begin + done}`,
        where,
      });
    done += bytesRead;
    signal?.throwIfAborted();
  }
}
