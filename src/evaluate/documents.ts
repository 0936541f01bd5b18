// The documents of a task: rows of a JSONL file from anywhere, held against the columns that the task has. What is wrong
// with a row is said with its file, line and column, before a model sees any of it.

import { scanKeys } from '../checkpoint/json-keys.js';
import { checkCount, mostDocuments, mostObjects } from '../data/limits.js';
import { isBlank, linesOf, lineText } from '../data/lines.js';
import { DataError } from '../errors.js';
import { quoted } from '../quoted.js';
import type { ColumnKind, Shape, Task } from './tasks/task.js';

/** A row as it stands in the file. */
export type Row = Readonly<Record<string, unknown>>;

/** A row whose columns are what its shape says. */
export interface Document {
  row: Row;
  /** By column. */
  values: ReadonlyMap<string, string | readonly string[] | number>;
  /** File and line, for messages. */
  where: string;
}

export interface Documents {
  documents: Document[];
  shape: Shape;
  /** Rows in the file, of which `documents` may be the first ones. */
  total: number;
}

/** Characters of a line; the longest passages have some ten thousand. */
const longestLine = 2 ** 24;
const deepest = 32;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The documents in a JSONL file, which may be gzip; blank lines do not count.
 * @param limit documents to read at most
 * @throws DataError for a file that cannot be read, and for a row that is not what the task needs
 */
export async function readDocuments(path: string, task: Task, limit = Infinity): Promise<Documents> {
  const documents = new Collected(task, path);
  let total = 0;
  for await (const lines of linesOf(path))
    for (const line of lines) {
      const where = `${path}, line ${line.number}`;
      if (line.number === 1 && line.bytes.subarray(0, 3).equals(byteOrderMark))
        throw new DataError({
          expected: 'a JSON object {…}; save the file as UTF-8 without a byte order mark',
          got: 'a byte order mark',
          where,
        });
      if (isBlank(line.bytes)) continue;
      // Of the rows that are not needed only the number matters.
      if (total++ < limit) documents.add(parsed(lineText(line, path), where), where);
      checkCount(total, mostDocuments, 'documents', path);
    }
  return documents.all(total);
}

/** The documents that `rows` are, as of a file. */
export function documentsOf(rows: readonly Row[], task: Task, limit = Infinity): Documents {
  const documents = new Collected(task, task.name);
  for (const [i, row] of rows.entries()) {
    if (i >= limit) break;
    documents.add(row, `document ${i} of ${task.name}`);
  }
  return documents.all(rows.length);
}

function parsed(text: string, where: string): unknown {
  const refuse = (expected: string, got: string, cause?: unknown) => new DataError({ expected, got, where, cause });
  if (text.length > longestLine) throw refuse(`a line of at most ${longestLine} characters`, `${text.length}`);
  const { duplicate, depth } = scanKeys(text, deepest);
  if (depth > deepest) throw refuse(`objects and lists at most ${deepest} deep`, 'deeper ones');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse('a JSON object {…}', (error as Error).message, error);
  }
  if (duplicate !== undefined) throw refuse('each column once', `${quoted(duplicate)} twice`);
  return value;
}

/** Documents as they come, each held against the shape of the first. */
class Collected {
  private readonly documents: Document[] = [];
  private shape: Shape | undefined;

  constructor(
    private readonly task: Task,
    private readonly file: string,
  ) {}

  add(value: unknown, where: string): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new DataError({ expected: 'a JSON object {…}', got: quoted(value), where });
    this.shape ??= shapeOf(value as Row, this.task, where);
    this.documents.push({ row: value as Row, values: valuesOf(value as Row, this.shape, where), where });
    checkCount(this.documents.length, mostObjects, 'documents to evaluate (--limit)', this.file);
  }

  /** @param total how many rows there are, those included that were not added */
  all(total: number): Documents {
    const { documents, shape, task, file } = this;
    if (!shape) throw new DataError({ expected: `documents of ${task.name}, one a line`, got: 'none', where: file });
    return { documents, shape, total };
  }
}

/** What stands under a path; undefined where there is nothing of its own. */
function at(row: Row, path: string): unknown {
  let value: unknown = row;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Row)[key];
  }
  return value;
}

function shapeOf(row: Row, { name, shapes }: Task, where: string): Shape {
  const has = (shape: Shape) => Object.keys(shape.columns).filter((path) => at(row, path) !== undefined);
  const found = shapes.find((shape) => has(shape).length === Object.keys(shape.columns).length);
  if (found) return found;
  const [closest] = [...shapes].sort((a, b) => has(b).length - has(a).length);
  const present = has(closest);
  const forms = shapes.map(({ columns }) => Object.keys(columns).join(', ')).join('; or ');
  const missing = Object.keys(closest.columns).filter((path) => !present.includes(path));
  throw new DataError({
    expected: `the columns of ${name} (${forms})`,
    got: present.length > 0 ? `no ${missing.join(', ')}` : `${Object.keys(row).map(quoted).join(', ') || 'none'}`,
    where,
  });
}

function valuesOf(row: Row, { columns, holds = {}, values: known = {} }: Shape, where: string): Document['values'] {
  const values = new Map<string, string | readonly string[] | number>();
  for (const [path, kind] of Object.entries(columns)) {
    const value = at(row, path);
    const refuse = (expected: string) =>
      new DataError({ expected, got: quoted(value), where: `${where}, column ${quoted(path)}` });
    const read = readers[kind](value);
    if (read === undefined) throw refuse(kindNames[kind]);
    if (path in holds && !(read as string).includes(holds[path])) throw refuse(`a text with ${quoted(holds[path])}`);
    if (path in known && !known[path].includes(read as string)) throw refuse(known[path].map(quoted).join(' or '));
    values.set(path, read);
  }
  return values;
}

const kindNames: Record<ColumnKind, string> = {
  text: 'a text',
  texts: 'a list of one or more texts',
  number: 'a whole number',
};

const readers: Record<ColumnKind, (value: unknown) => string | readonly string[] | number | undefined> = {
  text: (value) => (typeof value === 'string' ? value : undefined),
  texts: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string') ? value : undefined,
  number(value) {
    const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
    return Number.isSafeInteger(number) ? (number as number) : undefined;
  },
};
