// Reads text files of any origin: strict UTF-8, kept as it is (line ends, byte order mark), line by line where the whole
// would be too long for one JavaScript string (a C4 shard has 800 MB).

import { readFile, stat } from 'node:fs/promises';
import { DataError } from '../errors.js';

/** What one read of Node and one string of V8 can hold. */
const maxFileBytes = 2 ** 31 - 1;
const maxTextBytes = 2 ** 29 - 32;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The content of a file that is there, is a file, and is not empty. */
export async function readBytes(path: string): Promise<Buffer> {
  const refuse = (expected: string, got: string, cause?: unknown) => {
    throw new DataError({ expected, got, where: path, cause });
  };
  try {
    const found = await stat(path);
    if (!found.isFile()) refuse('a file', found.isDirectory() ? 'a folder' : 'something that is not a file');
    if (found.size > maxFileBytes) refuse(`a file of at most ${maxFileBytes} bytes`, `${found.size} bytes`);
    if (found.size === 0) refuse('a file with text', 'an empty file');
    return await readFile(path);
  } catch (error) {
    if (error instanceof DataError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const got = code === 'ENOENT' ? 'no such file' : (code ?? message);
    throw new DataError({ expected: 'a file that can be read', got, where: path, cause: error });
  }
}

/** All of `bytes` as text. */
export function textOf(bytes: Buffer, path: string): string {
  if (bytes.length > maxTextBytes)
    throw new DataError({
      expected: `a text of at most ${maxTextBytes} bytes; give a part of it, or one document a line (.jsonl)`,
      got: `${bytes.length} bytes`,
      where: path,
    });
  return decode(bytes, path);
}

/** Each line of `bytes` without its "\n" and a "\r" before it; nothing after the last "\n". */
export function* linesOf(bytes: Buffer, path: string): Generator<{ line: number; text: string }> {
  let begin = 0;
  for (let line = 1; begin < bytes.length; line++) {
    const found = bytes.indexOf(10, begin);
    const end = found < 0 ? bytes.length : found;
    const text = textOf(bytes.subarray(begin, end), `${path}, line ${line}`);
    yield { line, text: text.endsWith('\r') ? text.slice(0, -1) : text };
    begin = end + 1;
  }
}

function decode(bytes: Uint8Array, where: string): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new DataError({ expected: 'text in UTF-8', got: 'bytes that are not', where, cause });
  }
}
