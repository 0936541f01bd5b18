// Reads the files of a tokenizer that are not JSON (merges.txt, tokenizer.model, chat templates): only files, of a limited
// size, text in strict UTF-8.

import { readDiskFile } from '../checkpoint/disk-folder.js';
import type { Folder } from '../checkpoint/folder.js';
import { DataError } from '../errors.js';

const how = (mostBytes: number) => ({ kind: 'file', mostBytes, Failure: DataError });

/**
 * The bytes of a file in a folder; undefined where there is none.
 * @param names its path below the folder
 * @param mostBytes more are refused
 */
export function readFolderFile(
  folder: Folder,
  names: readonly string[],
  mostBytes: number,
): Promise<Uint8Array | undefined> {
  return folder.read(names, how(mostBytes));
}

/** As `readFolderFile`, the content as text. */
export async function readFolderText(
  folder: Folder,
  names: readonly string[],
  mostBytes: number,
): Promise<string | undefined> {
  const bytes = await readFolderFile(folder, names, mostBytes);
  return bytes && textOf(bytes, folder.pathOf(...names));
}

/** The text of a file at a path; undefined where there is none. */
export async function readText(path: string, mostBytes: number): Promise<string | undefined> {
  const bytes = await readDiskFile(path, how(mostBytes));
  return bytes && textOf(bytes, path);
}

function textOf(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DataError({ expected: 'text in UTF-8', got: 'bytes that are not', where, cause });
  }
}
