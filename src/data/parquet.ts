// A column of text of a parquet file, as the hub converts data sets to: read by hyparquet, a group of rows at a time.

import { DataError } from '../errors.js';
import { parquetWorker } from '../package-files.js';
import type { LongRunning } from '../progress.js';
import type { Documents } from './documents.js';
import { checkCount, mostBytesAhead, mostDocuments, mostGroups } from './limits.js';
import type { ParquetDescription, ParquetRefusal, ParquetTask, WantedRows } from './parquet-worker.js';
import { maxTextBytes, tooLong, withFile } from './text-file.js';

/** Megabytes of objects that one group of rows may become. */
const mostMegabytes = 1024;

interface Column extends ParquetDescription {
  /** Texts of one group of rows: see `WantedRows`. */
  read(rows: WantedRows): Promise<string[]>;
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
    filename: parquetWorker().href,
    minThreads: 1,
    maxThreads: 1,
    resourceLimits: { maxOldGenerationSizeMb: mostMegabytes },
  });
  const ask = async <R>(rows?: WantedRows): Promise<R> => {
    const task: ParquetTask = rows === undefined ? { path, columns } : { path, columns, rows };
    let answer: R | ParquetRefusal;
    try {
      answer = await pool.run(task, signal ? { signal } : {});
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      const { code, message } = cause as NodeJS.ErrnoException;
      const expected = 'a parquet file that can be read';
      if (code !== 'ERR_WORKER_OUT_OF_MEMORY') throw new DataError({ expected, got: message, where: path, cause });
      const advice = 'write it with fewer rows in a group, or as .jsonl.gz';
      const got = `a group of rows that takes more than ${mostMegabytes} MB`;
      throw new DataError({ expected: `${expected}; ${advice}`, got, where: path, cause });
    }
    const refused = (answer as ParquetRefusal).refused;
    if (!refused) return answer as R;
    const { row, ...parts } = refused;
    const before = sum(description.groups.slice(0, rows?.group));
    throw new DataError({ ...parts, where: row === undefined ? path : `${path}, row ${before + row}` });
  };
  let description: ParquetDescription = { groups: [], bytes: [] };
  // What a thread that runs out of memory says besides failing its task.
  pool.on('error', () => {});
  try {
    description = await ask<ParquetDescription>();
    checkCount(description.groups.length, mostGroups, 'groups of rows', path);
    return await use({ ...description, read: (rows) => ask<string[]>(rows) });
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
    const total = sum(bytes);
    let done = 0;
    const texts: string[] = [];
    let length = 0;
    const asked = Math.min(most, sum(groups));
    checkCount(asked, mostDocuments, 'rows', path);
    for (let group = 0; texts.length < asked; group++) {
      const rows = Math.min(groups[group], asked - texts.length);
      if (rows === 0) continue;
      const found = await read({ group, rows, characters: maxTextBytes - length });
      for (const text of found) {
        length += text.length;
        texts.push(text);
      }
      if (found.length < rows || length > maxTextBytes) throw tooLong(path);
      done += bytes[group];
      options.onProgress?.({ phase: 'read', done, total: Math.max(done, total) });
    }
    if (texts.length === 0) throw noRows(path);
    return texts;
  });
}

/**
 * The texts of a column as documents that stay in the file; every `pick` reads the groups of rows that it needs, and ends
 * early where it has `most` characters, which the file need not have announced.
 */
export async function openParquet(
  path: string,
  columns: readonly string[],
  options: LongRunning,
  most = mostBytesAhead,
): Promise<Documents> {
  const { groups, bytes } = await withColumn(path, columns, options, async (column) => column);
  const begins: number[] = [];
  let length = 0;
  for (const rows of groups) {
    begins.push(length);
    length += rows;
  }
  if (length === 0) throw noRows(path);
  checkCount(length, mostDocuments, 'rows', path);
  const sizes = groups.map((rows, group) => Math.max(1, bytes[group] / Math.max(1, rows)));
  const groupOf = (index: number) => {
    let [low, high] = [0, begins.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (begins[middle] <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  return {
    length,
    passes: true,
    sizeOf: (index) => sizes[groupOf(index)],
    pick: (indices, more) =>
      withColumn(path, columns, more, async ({ read }) => {
        const wanted = new Map<number, number[]>();
        for (const index of indices) {
          const group = groupOf(index);
          const members = wanted.get(group);
          if (members) members.push(index);
          else wanted.set(group, [index]);
        }
        const found = new Map<number, string>();
        let room = most;
        for (const [group, members] of wanted) {
          const rows = members.map((index) => index - begins[group]);
          const texts = await read({ group, rows, characters: room });
          for (const [i, text] of texts.entries()) {
            found.set(members[i], text);
            room -= text.length;
          }
          if (texts.length < rows.length || room <= 0) break;
        }
        return found;
      }),
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
const noRows = (path: string) => new DataError({ expected: 'a file with text', got: 'no rows', where: path });
