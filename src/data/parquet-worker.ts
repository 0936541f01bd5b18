// Reads one column of text of a parquet file, a group of rows at a time. On a thread of its own with limited memory: a
// file of a few bytes can ask for arrays of any length, and then the thread ends, not the program.

import { open } from 'node:fs/promises';
import * as zlib from 'node:zlib';
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  snappyUncompress,
} from 'hyparquet';

/** Asks for the description of a file, or for texts of one group of rows. */
export interface ParquetTask {
  path: string;
  /** Names of columns of which the first that there is is read. */
  columns: readonly string[];
  rows?: WantedRows;
}

/** Of a group: all that are asked for, in order, or as many of them as fit; the first of them always does. */
export interface WantedRows {
  group: number;
  /** Rows from the beginning of the group, or these. */
  rows: number | readonly number[];
  /** Most characters of all texts together. In the file, and on the thread, many rows may be one text. */
  characters: number;
}

export interface ParquetDescription {
  /** Rows of each group. */
  groups: number[];
  /** Bytes of each group's texts, as the file says: 0 or more, but not to be trusted. */
  bytes: number[];
}

/** What was wrong with a file that can be read; the row counts within its group. */
export interface ParquetRefusal {
  refused: { expected: string; got: string; row?: number };
}

/** Largest page, unpacked. */
const mostPageBytes = 2 ** 28;
/** Most bytes of one group of a column. */
const mostGroupBytes = 2 ** 30;

/** In the place of bytes that are no UTF-8. */
const noText = false;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Of the file that was asked for last: a thread is asked for many groups of one file. */
let known: { path: string; version: string; metadata: FileMetaData } | undefined;

/** The Piscina task. */
export default async function read(task: ParquetTask): Promise<ParquetDescription | string[] | ParquetRefusal> {
  const handle = await open(task.path);
  try {
    const { size, mtimeMs } = await handle.stat();
    const file: AsyncBuffer = {
      byteLength: size,
      async slice(begin, end = size) {
        const length = end - begin;
        if (!(begin >= 0 && length >= 0 && end <= size)) throw new Error('a part beyond the end of the file');
        if (length > mostGroupBytes) throw new Error(`a column of ${length} bytes in one group of rows`);
        const bytes = new Uint8Array(length);
        const { bytesRead } = await handle.read(bytes, 0, length, begin);
        if (bytesRead < length) throw new Error('an end of the file before its time');
        return bytes.buffer;
      },
    };
    if (size < 12) throw new Error(`${size} bytes`);
    const version = `${size} ${mtimeMs}`;
    if (known?.path !== task.path || known.version !== version)
      known = { path: task.path, version, metadata: await parquetMetadataAsync(file, { geoparquet: false }) };
    const { metadata } = known;
    const column = columnOf(metadata, task.columns);
    if (typeof column !== 'string') return column;
    return task.rows === undefined ? describe(metadata, column) : await readGroup(file, metadata, column, task.rows);
  } finally {
    await handle.close();
  }
}

function columnOf(metadata: FileMetaData, names: readonly string[]): string | ParquetRefusal {
  const { children } = parquetSchema(metadata);
  const expected = `a column ${names.map((name) => `"${name}"`).join(' or ')} of texts`;
  const found = names.map((name) => children.find(({ element }) => element.name === name)).find((child) => child);
  if (!found) {
    const others = children.slice(0, 20).map(({ element }) => `"${element.name}"`);
    return { refused: { expected, got: others.length > 0 ? `the columns ${others.join(', ')}` : 'no column' } };
  }
  const { type, converted_type, logical_type, repetition_type, name } = found.element;
  const isText = type === 'BYTE_ARRAY' && (converted_type === 'UTF8' || logical_type?.type === 'STRING');
  if (isText && found.children.length === 0 && repetition_type !== 'REPEATED') return name;
  return { refused: { expected, got: `"${name}" of another type (${logical_type?.type ?? type ?? 'a group'})` } };
}

function describe(metadata: FileMetaData, column: string): ParquetDescription {
  const groups = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
  if (groups.some((rows) => !(rows >= 0))) throw new Error('an impossible number of rows');
  const bytes = metadata.row_groups.map(({ columns }) => {
    const meta = columns.find(({ meta_data }) => meta_data?.path_in_schema.join('.') === column)?.meta_data;
    return Math.max(0, Number(meta?.total_uncompressed_size ?? 0));
  });
  return { groups, bytes };
}

async function readGroup(
  file: AsyncBuffer,
  metadata: FileMetaData,
  column: string,
  { group, rows, characters }: WantedRows,
): Promise<string[] | ParquetRefusal> {
  const wanted = typeof rows === 'number' ? undefined : rows;
  const rowStart = wanted ? wanted.reduce((least, row) => Math.min(least, row)) : 0;
  const rowEnd = wanted ? wanted.reduce((most, row) => Math.max(most, row)) + 1 : (rows as number);
  const found: unknown[] = [];
  await parquetRead({
    file,
    // Of this group alone: the others need not be looked at.
    metadata: { ...metadata, row_groups: [metadata.row_groups[group]] },
    columns: [column],
    rowStart,
    rowEnd,
    compressors,
    parsers: {
      stringFromBytes(bytes: Uint8Array | undefined) {
        if (bytes === undefined) return undefined;
        try {
          return utf8.decode(bytes);
        } catch {
          return noText;
        }
      },
    } as never,
    onComplete: (read: unknown[][]) => {
      for (const [text] of read) found.push(text);
    },
  });
  if (found.length !== rowEnd - rowStart) throw new Error(`${found.length} of ${rowEnd - rowStart} rows`);
  const texts: string[] = [];
  let length = 0;
  for (let i = 0; i < (wanted?.length ?? rowEnd); i++) {
    const row = wanted?.[i] ?? i;
    const text = found[row - rowStart];
    if (typeof text !== 'string') {
      const got = text === noText ? 'bytes that are not' : 'null';
      return { refused: { expected: 'text in UTF-8', got, row } };
    }
    length += text.length;
    if (length > characters && i > 0) break;
    texts.push(text);
  }
  return texts;
}

/** What Node unpacks, each page up to its limit. */
const compressors: Compressors = {
  SNAPPY: (bytes, length) => {
    const out = new Uint8Array(pageBytes(length));
    snappyUncompress(bytes, out);
    return out;
  },
  GZIP: (bytes, length) => zlib.gunzipSync(bytes, { maxOutputLength: pageBytes(length) }),
  BROTLI: (bytes, length) => zlib.brotliDecompressSync(bytes, { maxOutputLength: pageBytes(length) }),
  ZSTD: (bytes, length) => {
    // From Node 22.15 on.
    const { zstdDecompressSync: unpack } = zlib as { zstdDecompressSync?: typeof zlib.brotliDecompressSync };
    if (!unpack) throw new Error(`pages packed by zstd, which Node ${process.version} cannot unpack`);
    return unpack(bytes, { maxOutputLength: pageBytes(length) });
  },
};

function pageBytes(length: number): number {
  if (!(length >= 0 && length <= mostPageBytes)) throw new Error(`a page of ${length} bytes`);
  return length;
}
