// Reads the files of a tokenizer that are not JSON (merges.txt, tokenizer.model, chat templates): only files, of a limited
// size, text in strict UTF-8.

import { readFile, stat } from 'node:fs/promises';
import { isSystemError } from '../checkpoint/disk-errors.js';
import { DataError } from '../errors.js';

/**
 * The bytes of a file; undefined where there is none.
 * @param mostBytes more are refused
 */
export async function readFolderFile(path: string, mostBytes: number): Promise<Uint8Array | undefined> {
  const refuse = (expected: string, got: string, cause?: unknown): never => {
    throw new DataError({ expected, got, where: path, cause });
  };
  try {
    const found = await stat(path);
    // Opening a named pipe would wait for ever.
    if (!found.isFile()) refuse('a file', 'something that is not a file');
    if (found.size > mostBytes) refuse(`a file of at most ${mostBytes} bytes`, `${found.size} bytes`);
    return await readFile(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'ENOENT') return undefined;
    return refuse('a readable file', error.code ?? error.message, error);
  }
}

/** As `readFolderFile`, the content as text. */
export async function readFolderText(path: string, mostBytes: number): Promise<string | undefined> {
  const bytes = await readFolderFile(path, mostBytes);
  if (!bytes) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DataError({ expected: 'text in UTF-8', got: 'bytes that are not', where: path, cause });
  }
}
