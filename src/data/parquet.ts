// A column of text of a parquet file, as the hub converts data sets to: read by hyparquet, a group of rows at a time.

import { DataError } from '../errors.js';
import type { LongRunning } from '../progress.js';
import type { Documents } from './documents.js';
import type { ParquetDescription, ParquetRefusal, ParquetTask } from './parquet-worker.js';
import { maxTextBytes, tooLong, withFile } from './text-file.js';

/** Megabytes of objects that one group of rows may become. */
const mostMegabytes = 1024;

interface Column extends ParquetDescription {
  /** The texts of one group of rows. */
  read(group: number): Promise<string[]>;
}

/** Gives `use` the first of `columns` that there is. @throws DataError for a file without it, or one that is broken */
async function withColumn<T>(
  path: string,
  columns: readonly string[],
  { signal }: LongRunning,
  use: (column: Column) => Promise<T>,
): Promise<T> {
  await withFile(path, async () => {});
  const { Piscina } = await import('piscina');
  const pool = new Piscina({
    filename: new URL('../../dist/data/parquet-worker.js', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    resourceLimits: { maxOldGenerationSizeMb: mostMegabytes },
  });
  const ask = async <R>(group?: number): Promise<R> => {
    const task: ParquetTask = group === undefined ? { path, columns } : { path, columns, group };
    let answer: R | ParquetRefusal;
    try {
      answer = await pool.run(task, signal ? { signal } : {});
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      const { code, message } = cause as NodeJS.ErrnoException;
      const got = code === 'ERR_WORKER_OUT_OF_MEMORY' ? `rows that take more than ${mostMegabytes} MB` : message;
      throw new DataError({ expected: 'a parquet file that can be read', got, where: path, cause });
    }
    const refused = (answer as ParquetRefusal).refused;
    if (!refused) return answer as R;
    const { row, ...parts } = refused;
    const before = row === undefined ? 0 : description.groups.slice(0, group).reduce((sum, rows) => sum + rows, 0);
    throw new DataError({ ...parts, where: row === undefined ? path : `${path}, row ${before + row}` });
  };
  let description: ParquetDescription = { groups: [], bytes: [] };
  // What a thread that runs out of memory says besides failing its task.
  pool.on('error', () => {});
  try {
    description = await ask<ParquetDescription>();
    return await use({ ...description, read: (group) => ask<string[]>(group) });
  } finally {
    await pool.destroy();
  }
}

/** The first `most` texts of a column; all of them must fit into one string. */
export function readParquet(
  path: string,
  columns: readonly string[],
  options: LongRunning,
  most = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  return withColumn(path, columns, options, async ({ groups, bytes, read }) => {
    const total = bytes.reduce((sum, group) => sum + group, 0);
    let done = 0;
    const texts: string[] = [];
    let length = 0;
    for (let group = 0; group < groups.length && texts.length < most; group++) {
      for (const text of await read(group)) {
        if (texts.length === most) break;
        length += text.length;
        if (length > maxTextBytes) throw tooLong(path);
        texts.push(text);
      }
      done += bytes[group];
      options.onProgress?.({ phase: 'read', done, total: Math.max(done, total) });
    }
    if (texts.length === 0) throw noRows(path);
    return texts;
  });
}

/** The texts of a column as documents that stay in the file; every `pick` reads the groups of rows that it needs. */
export async function openParquet(path: string, columns: readonly string[], options: LongRunning): Promise<Documents> {
  const { groups, bytes } = await withColumn(path, columns, options, async (column) => column);
  const begins: number[] = [];
  let length = 0;
  for (const rows of groups) {
    begins.push(length);
    length += rows;
  }
  if (length === 0) throw noRows(path);
  const groupOf = (index: number) => begins.findLastIndex((begin) => begin <= index);
  return {
    length,
    passes: true,
    sizeOf: (index) => bytes[groupOf(index)] / Math.max(1, groups[groupOf(index)]),
    pick: (indices, more) =>
      withColumn(path, columns, more, async ({ read }) => {
        const wanted = new Map<number, number[]>();
        for (const index of indices) wanted.set(groupOf(index), [...(wanted.get(groupOf(index)) ?? []), index]);
        const found = new Map<number, string>();
        for (const [group, members] of wanted) {
          const texts = await read(group);
          for (const index of members) found.set(index, texts[index - begins[group]]);
        }
        return found;
      }),
  };
}

const noRows = (path: string) => new DataError({ expected: 'a file with text', got: 'no rows', where: path });
