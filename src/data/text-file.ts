// Opens files of any origin, and reads their bytes as text: strict UTF-8, kept as it is (line ends, byte order mark).

import type { Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { DataError } from '../errors.js';

/** What one read of Node and one string of V8 can hold. */
const maxFileBytes = 2 ** 31 - 1;
export const maxTextBytes = 2 ** 29 - 32;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Gives `use` a file that is there, is a file, and is not empty; closes it after.
 * @throws DataError for one that is not
 */
export async function withFile<T>(path: string, use: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
  const refuse = (expected: string, got: string, cause?: unknown) =>
    new DataError({ expected, got, where: path, cause });
  const check = (found: Stats) => {
    if (!found.isFile()) throw refuse('a file', found.isDirectory() ? 'a folder' : 'something that is not a file');
    if (found.size === 0) throw refuse('a file with text', 'an empty file');
  };
  let file: FileHandle;
  try {
    // Before it is opened: a pipe without a writer would wait for one.
    check(await stat(path));
    file = await open(path);
  } catch (error) {
    throw error instanceof DataError ? error : unreadable(error, path);
  }
  try {
    const found = await file.stat();
    check(found);
    return await use(file, found.size);
  } catch (error) {
    throw error instanceof DataError || (error as NodeJS.ErrnoException).syscall === undefined
      ? error
      : unreadable(error, path);
  } finally {
    await file.close();
  }
}

/** What the operating system says, in the words of the project. */
export function unreadable(cause: unknown, path: string): DataError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const got = code === 'ENOENT' ? 'no such file' : (code ?? message);
  return new DataError({ expected: 'a file that can be read', got, where: path, cause });
}

/** The content of a file. */
export function readBytes(path: string): Promise<Buffer> {
  return withFile(path, async (file, size) => {
    if (size > maxFileBytes)
      throw new DataError({ expected: `a file of at most ${maxFileBytes} bytes`, got: `${size} bytes`, where: path });
    return file.readFile();
  });
}

/** All of `bytes` as text. */
export function textOf(bytes: Uint8Array, where: string): string {
  if (bytes.length > maxTextBytes) throw tooLong(where);
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new DataError({ expected: 'text in UTF-8', got: 'bytes that are not', where, cause });
  }
}

/** What is more than a string can hold. */
export function tooLong(where: string): DataError {
  return new DataError({
    expected: `a text of at most ${maxTextBytes} bytes; give a part of it, or one document a line (.jsonl)`,
    got: 'more',
    where,
  });
}
