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

/** Asks for the description of a file, or for the texts of one group of rows. */
export interface ParquetTask {
  path: string;
  /** Names of columns of which the first that there is is read. */
  columns: readonly string[];
  group?: number;
}

export interface ParquetDescription {
  /** Rows of each group. */
  groups: number[];
  /** Bytes of each group's texts, as the file says. */
  bytes: number[];
}

/** What was wrong with a file that can be read; the row counts within its group. */
export interface ParquetRefusal {
  refused: { expected: string; got: string; row?: number };
}

/** Largest page, unpacked. */
const mostPageBytes = 2 ** 28;
/** Most rows of a file, and bytes of one group of a column. */
const mostRows = 2 ** 31;
const mostGroupBytes = 2 ** 30;

/** In the place of bytes that are no UTF-8. */
const noText = false;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The Piscina task. */
export default async function read(task: ParquetTask): Promise<ParquetDescription | string[] | ParquetRefusal> {
  const handle = await open(task.path);
  try {
    const { size } = await handle.stat();
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
    const metadata = await parquetMetadataAsync(file, { geoparquet: false });
    const column = columnOf(metadata, task.columns);
    if (typeof column !== 'string') return column;
    return task.group === undefined ? describe(metadata, column) : await readGroup(file, metadata, column, task.group);
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
  if (groups.some((rows) => !(rows >= 0)) || !(groups.reduce((sum, rows) => sum + rows, 0) < mostRows))
    throw new Error('an impossible number of rows');
  const bytes = metadata.row_groups.map(({ columns }) => {
    const meta = columns.find(({ meta_data }) => meta_data?.path_in_schema.join('.') === column)?.meta_data;
    return Number(meta?.total_uncompressed_size ?? 0);
  });
  return { groups, bytes };
}

async function readGroup(
  file: AsyncBuffer,
  metadata: FileMetaData,
  column: string,
  group: number,
): Promise<string[] | ParquetRefusal> {
  const { groups } = describe(metadata, column);
  const rowStart = groups.slice(0, group).reduce((sum, rows) => sum + rows, 0);
  const rows = groups[group];
  let broken: number | undefined;
  const texts: unknown[] = [];
  await parquetRead({
    file,
    metadata,
    columns: [column],
    rowStart,
    rowEnd: rowStart + rows,
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
      for (const [text] of read) texts.push(text);
    },
  });
  for (const [row, text] of texts.entries()) if (typeof text !== 'string') broken ??= row;
  if (broken !== undefined) {
    const got = texts[broken] === noText ? 'bytes that are not' : 'null';
    return { refused: { expected: 'text in UTF-8', got, row: broken } };
  }
  if (texts.length !== rows) throw new Error(`${texts.length} of ${rows} rows`);
  return texts as string[];
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
