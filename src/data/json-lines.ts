// One JSON document a line (.jsonl, and the .json files of the data sets' hubs that hold the same), packed or not. Blank
// lines do not count.

import { DataError } from '../errors.js';
import type { LongRunning } from '../progress.js';
import { packing } from './content.js';
import type { Documents } from './documents.js';
import { documentOf, parsed } from './json-source.js';
import { checkCount, mostDocuments } from './limits.js';
import { isBlank, type Line, linesOf, lineText } from './lines.js';
import { maxTextBytes, tooLong, withFile } from './text-file.js';

/** The first `most` documents of a file; all of them must fit into one string. */
export async function readJsonLines(
  path: string,
  options: LongRunning,
  most = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const documents: string[] = [];
  let bytes = 0;
  for await (const lines of linesOf(path, options)) {
    for (const line of lines) {
      if (documents.length === most) break;
      if (isBlank(line.bytes)) continue;
      bytes += line.bytes.length;
      if (bytes > maxTextBytes) throw tooLong(path);
      documents.push(lineDocument(line, path));
      checkCount(documents.length, mostDocuments, 'documents', path);
    }
    if (documents.length === most) break;
  }
  if (documents.length === 0) throw noDocuments(path);
  return documents;
}

/**
 * The documents of a file, which stay there. One pass counts them, since the draw depends on their number. A file that is
 * not packed is then read where they are; of a packed one every `pick` is another pass, up to the last document asked for.
 */
export async function openJsonLines(path: string, options: LongRunning): Promise<Documents> {
  const { packed } = await packing(path);
  const numbers: number[] = [];
  const offsets: number[] = [];
  const sizes: number[] = [];
  for await (const lines of linesOf(path, options))
    for (const { number, offset, bytes } of lines) {
      if (isBlank(bytes)) continue;
      numbers.push(number);
      checkCount(numbers.length, mostDocuments, 'documents', path);
      sizes.push(bytes.length);
      if (!packed) offsets.push(offset);
    }
  if (numbers.length === 0) throw noDocuments(path);
  return {
    length: numbers.length,
    passes: packed,
    sizeOf: (index) => sizes[index],
    pick: packed
      ? (indices, more) => pickInOnePass(path, numbers, indices, more)
      : (indices, more) =>
          withFile(path, async (file) => {
            const found = new Map<number, string>();
            for (const index of indices) {
              more.signal?.throwIfAborted();
              const bytes = Buffer.alloc(sizes[index]);
              const { bytesRead } = await file.read(bytes, 0, bytes.length, offsets[index]);
              const line = { number: numbers[index], offset: offsets[index], bytes: bytes.subarray(0, bytesRead) };
              found.set(index, lineDocument(line, path));
            }
            return found;
          }),
  };
}

/** @param numbers line of each document */
async function pickInOnePass(
  path: string,
  numbers: readonly number[],
  indices: readonly number[],
  options: LongRunning,
): Promise<Map<number, string>> {
  const wanted = [...new Set(indices)].sort((a, b) => a - b);
  const found = new Map<number, string>();
  let next = 0;
  for await (const lines of linesOf(path, options)) {
    for (const line of lines) {
      if (line.number !== numbers[wanted[next]]) continue;
      found.set(wanted[next++], lineDocument(line, path));
    }
    if (next === wanted.length) return found;
  }
  throw new DataError({
    expected: `${numbers.length} documents, as before`,
    got: 'fewer: another program writes the file',
    where: path,
  });
}

/** What a line holds; a byte order mark at the beginning of the file is no part of it. */
function lineDocument(line: Line, path: string): string {
  const where = `${path}, line ${line.number}`;
  const text = lineText(line, path);
  return documentOf(parsed(line.number === 1 ? text.replace(/^\uFEFF/, '') : text, where), where);
}

const noDocuments = (path: string) =>
  new DataError({ expected: 'one JSON document a line', got: 'blank lines', where: path });
