// Reads the small JSON files of a model folder (config.json, the shard index): a size limit, strict UTF-8,
// and one wording for what can be wrong with such a file.

import { readDiskFile } from './disk-folder.js';
import type { ErrorClass, Folder } from './folder.js';
import { scanKeys } from './json-keys.js';

/** Far above any real file: the index of a 700 B model takes 10 MB. */
const mostBytes = 64 * 1024 * 1024;
const maxDepth = 100;

const kind = 'JSON file';

export interface JsonFile {
  value: Record<string, unknown>;
  /** A key that an object in the file has twice, if any. */
  duplicate: string | undefined;
}

/**
 * The JSON object in the file at `path`; undefined where there is no such file.
 * Anything else that is wrong is thrown as the given class of error.
 */
export async function readJsonObject(path: string, Failure: ErrorClass): Promise<JsonFile | undefined> {
  const bytes = await readDiskFile(path, { kind, mostBytes, Failure });
  return bytes && parseJsonObject(bytes, path, Failure);
}

/** The same of a file in a folder, wherever that is. */
export async function readJsonIn(
  folder: Folder,
  name: string,
  Failure: ErrorClass,
  signal?: AbortSignal,
): Promise<JsonFile | undefined> {
  const bytes = await folder.read([name], { kind, mostBytes, Failure, signal });
  return bytes && parseJsonObject(bytes, folder.pathOf(name), Failure);
}

function parseJsonObject(bytes: Uint8Array, path: string, Failure: ErrorClass): JsonFile {
  const refuse = (expected: string, got: string, cause?: unknown): never => {
    throw new Failure({ expected, got, where: path, cause });
  };
  let value: unknown;
  let duplicate: string | undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const scan = scanKeys(text, maxDepth);
    if (scan.depth > maxDepth) throw new Error(`nesting deeper than ${maxDepth}`);
    duplicate = scan.duplicate;
    value = JSON.parse(text);
  } catch (error) {
    refuse('a file of valid JSON', (error as Error).message, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse('a JSON object {…}', value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`);
  return { value: value as Record<string, unknown>, duplicate };
}
