// Files of weights on a disk, opened and read by byte range.

import type { FileHandle } from 'node:fs/promises';
import { CheckpointError } from '../errors.js';
import { nodeFiles } from '../node.js';
import { type ByteFile, readRange } from './byte-file.js';
import { isSystemError } from './system-error.js';

/** One read system call; between two the signal is looked at. */
const chunkBytes = 64 * 1024 * 1024;

/** What a clone without Git LFS has in the place of a large file begins so. */
const lfsPointer = 'version https://git-lfs';

class DiskFile implements ByteFile {
  readonly onePass = false;

  constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    readonly bytes: number,
  ) {}

  async fill(begin: number, into: Uint8Array, where: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    for (let done = 0; done < into.length; ) {
      const length = Math.min(chunkBytes, into.length - done);
      const { bytesRead } = await this.handle.read(into, done, length, begin + done).catch((cause: unknown) => {
        throw new CheckpointError({ expected: 'a readable file', got: (cause as Error).message, where, cause });
      });
      if (bytesRead === 0)
        throw new CheckpointError({
          expected: `data up to byte ${begin + into.length}`,
          got: `a file that ends at ${begin + done}`,
          where,
        });
      done += bytesRead;
      signal?.throwIfAborted();
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/**
 * Opens the file at `path`, refuses a Git LFS pointer, and hands it to `read`; if that fails the file is closed.
 * @param kind of file, for messages: `safetensors file`
 */
export async function openForReading<T>(path: string, kind: string, read: (file: ByteFile) => Promise<T>): Promise<T> {
  let close = async () => {};
  const fail = (expected: string, got: string, cause?: unknown) =>
    new CheckpointError({ expected, got, where: path, cause });
  try {
    const { open, stat } = nodeFiles();
    // Looked at before it is opened: opening a named pipe would wait for ever.
    if (!(await stat(path)).isFile()) throw fail(`a ${kind}`, 'something that is not a file');
    const handle = await open(path, 'r');
    close = () => handle.close();
    const { size } = await handle.stat();
    const file = new DiskFile(path, handle, size);
    const first = await readRange(file, 0, Math.min(size, lfsPointer.length), path);
    if (new TextDecoder('latin1').decode(first) === lfsPointer)
      throw fail(`a ${kind}`, 'a Git LFS pointer; run "git lfs pull" in the folder, or download the file again');
    return await read(file);
  } catch (error) {
    await close();
    if (!isSystemError(error)) throw error;
    throw fail(`a readable ${kind}`, error.code === 'ENOENT' ? 'no such file' : error.message, error);
  }
}
