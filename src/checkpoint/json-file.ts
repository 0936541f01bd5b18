// Reads the small JSON files of a model folder (config.json, the shard index): a size limit, strict UTF-8,
// and one wording for what can be wrong with such a file.

import { readFile, stat } from 'node:fs/promises';
import type { ErrorParts, NeuroalError } from '../errors.js';
import { isSystemError } from './disk-errors.js';
import { scanKeys } from './json-keys.js';

/** Far above any real file: the index of a 700 B model takes 10 MB. */
const maxBytes = 64 * 1024 * 1024;
const maxDepth = 100;

type ErrorClass = new (parts: ErrorParts) => NeuroalError;

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
  const refuse = (expected: string, got: string, cause?: unknown): never => {
    throw new Failure({ expected, got, where: path, cause });
  };
  let bytes: Uint8Array;
  try {
    const found = await stat(path);
    // Opening a named pipe would wait for ever.
    if (!found.isFile()) refuse('a JSON file', 'something that is not a file');
    const { size } = found;
    if (size > maxBytes) refuse(`a JSON file of at most ${maxBytes} bytes`, `${size} bytes`);
    bytes = await readFile(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'ENOENT') return undefined;
    return refuse('a readable JSON file', error.code ?? error.message, error);
  }
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
