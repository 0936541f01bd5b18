// JSON as a source of text or token ids: one document a line (.jsonl, and .json files of the data sets' hubs that hold
// the same), an array of documents, one document, or an array of token windows.

import { DataError } from '../errors.js';
import { quoted } from '../quoted.js';
import type { DocumentsSource, TextSource, WindowsSource } from './kinds.js';
import { linesOf, textOf } from './text-file.js';

const largestId = 2 ** 31 - 1;
const aDocument = 'a text, or an object with a "text"';

/** The documents of a file with one JSON value a line; blank lines do not count. */
export function parseJsonLines(bytes: Buffer, path: string): string[] {
  const documents: string[] = [];
  for (const { line, text } of linesOf(bytes, path)) {
    if (text.trim() === '') continue;
    const where = `${path}, line ${line}`;
    documents.push(documentOf(parsed(text, where), where));
  }
  if (documents.length === 0)
    throw new DataError({ expected: 'one JSON document a line', got: 'blank lines', where: path });
  return documents;
}

type JsonSource = Omit<TextSource, 'name'> | Omit<DocumentsSource, 'name'> | Omit<WindowsSource, 'name'>;

/** What a .json file holds: see the header. */
export function parseJson(bytes: Buffer, path: string): JsonSource {
  if (isLines(bytes)) return { kind: 'documents', documents: parseJsonLines(bytes, path) };
  const value = parsed(textOf(bytes, path), path);
  if (!Array.isArray(value)) {
    const text = (value as { text?: unknown } | null)?.text;
    return Array.isArray(text)
      ? { kind: 'documents', documents: nonEmpty(text, path).map((item, i) => documentOf(item, `${path}, text ${i}`)) }
      : { kind: 'text', text: documentOf(value, path) };
  }
  if (Array.isArray(nonEmpty(value, path)[0]))
    return { kind: 'windows', windows: value.map((window, i) => windowOf(window, `${path}, window ${i}`)) };
  return { kind: 'documents', documents: value.map((item, i) => documentOf(item, `${path}, item ${i}`)) };
}

/** Whether there is more than one line and the first is a whole JSON object. */
function isLines(bytes: Buffer): boolean {
  const end = bytes.indexOf(10);
  if (end < 0 || bytes[0] !== 123 || bytes.subarray(end).toString('latin1', 0, 4096).trim() === '') return false;
  try {
    JSON.parse(bytes.toString('utf8', 0, end));
    return true;
  } catch {
    return false;
  }
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError({ expected: 'valid JSON', got: (cause as Error).message, where, cause });
  }
}

function nonEmpty(items: unknown[], where: string): unknown[] {
  if (items.length === 0) throw new DataError({ expected: 'texts or token windows', got: 'an empty array', where });
  return items;
}

function documentOf(value: unknown, where: string): string {
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
