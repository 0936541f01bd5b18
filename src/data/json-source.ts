// JSON in one piece as a source of text or token ids: an array of documents, one document, or an array of token windows.

import { DataError } from '../errors.js';
import type { LongRunning } from '../progress.js';
import { quoted } from '../quoted.js';
import { contentOf } from './content.js';
import type { DocumentsSource, TextSource, WindowsSource } from './kinds.js';
import { checkCount, mostDocuments, mostJsonBytes, mostObjects } from './limits.js';
import { textOf } from './text-file.js';

const largestId = 2 ** 31 - 1;
const aDocument = 'a text, or an object with a "text"';
/** A file of JSON lines has its first one within so many bytes, and more after it. */
const mostHead = 1 << 24;
const nextBytes = 4096;

type JsonSource = Omit<TextSource, 'name'> | Omit<DocumentsSource, 'name'> | Omit<WindowsSource, 'name'>;

/** What a .json file holds: see the header. */
export function parseJson(bytes: Buffer, path: string): JsonSource {
  const value = parsed(textOf(bytes, path).replace(/^\uFEFF/, ''), path);
  if (!Array.isArray(value)) {
    const text = (value as { text?: unknown } | null)?.text;
    return Array.isArray(text)
      ? { kind: 'documents', documents: documentsOf(text, path, 'text') }
      : { kind: 'text', text: documentOf(value, path) };
  }
  if (Array.isArray(nonEmpty(value, path)[0])) {
    checkCount(value.length, mostObjects, 'token windows', path);
    return { kind: 'windows', windows: value.map((window, i) => windowOf(window, `${path}, window ${i}`)) };
  }
  return { kind: 'documents', documents: documentsOf(value, path, 'item') };
}

function documentsOf(items: unknown[], path: string, called: string): string[] {
  checkCount(nonEmpty(items, path).length, mostDocuments, 'documents', path);
  return items.map((item, i) => documentOf(item, `${path}, ${called} ${i}`));
}

/** Whether a .json file has one document a line: more than one line, the first of them a whole JSON object. */
export async function holdsJsonLines(path: string, options: LongRunning): Promise<boolean> {
  let head: Buffer = Buffer.alloc(0);
  let end = -1;
  for await (const piece of contentOf(path, { signal: options.signal })) {
    head = Buffer.concat([head, piece]);
    end = head.indexOf(10);
    if (head.length > mostHead || (end >= 0 && head.length >= end + nextBytes)) break;
  }
  const begin = head.subarray(0, 3).equals(byteOrderMark) ? 3 : 0;
  if (end < 0 || head[begin] !== 123 || head.toString('latin1', end, end + nextBytes).trim() === '') return false;
  try {
    JSON.parse(head.toString('utf8', begin, end));
    return true;
  } catch {
    return false;
  }
}

const byteOrderMark = Buffer.from('\uFEFF');

/** @throws DataError for what is no JSON, or too much of it */
export function parsed(text: string, where: string): unknown {
  if (text.length > mostJsonBytes()) throw tooMuchJson(where);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError({ expected: 'valid JSON', got: (cause as Error).message, where, cause });
  }
}

export function tooMuchJson(where: string): DataError {
  return new DataError({
    expected: `at most ${mostJsonBytes()} bytes of JSON in one piece; give one document a line (.jsonl)`,
    got: 'more',
    where,
  });
}

function nonEmpty(items: unknown[], where: string): unknown[] {
  if (items.length === 0) throw new DataError({ expected: 'texts or token windows', got: 'an empty array', where });
  return items;
}

/** @throws DataError for what is no document */
export function documentOf(value: unknown, where: string): string {
  const text = typeof value === 'string' ? value : (value as { text?: unknown } | null)?.text;
  if (typeof text !== 'string') throw new DataError({ expected: aDocument, got: quoted(value), where });
  return text;
}

function windowOf(value: unknown, where: string): Int32Array {
  if (!Array.isArray(value)) throw new DataError({ expected: 'an array of token ids', got: quoted(value), where });
  if (value.length < 2)
    throw new DataError({ expected: 'a window of at least 2 token ids', got: `${value.length}`, where });
  const wrong = value.findIndex((id) => !Number.isInteger(id) || id < 0 || id > largestId);
  if (wrong >= 0)
    throw new DataError({ expected: 'token ids (whole numbers, 0 or more)', got: quoted(value[wrong]), where });
  return Int32Array.from(value);
}
