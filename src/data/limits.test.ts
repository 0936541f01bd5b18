// Small files that unpack to more values than memory holds are refused; here the bounds are small ones.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readDocuments } from '../evaluate/documents.js';
import type { Task } from '../evaluate/tasks/task.js';
import { readParquet } from './parquet.js';
import { readSource } from './source.js';

vi.mock('./limits.js', async (original) => ({
  ...(await original<typeof import('./limits.js')>()),
  mostDocuments: 20,
  mostObjects: 10,
  mostJsonBytes: () => 100,
  mostTaskBytes: 1000,
}));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroal-limits-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, name.endsWith('.gz') ? gzipSync(content) : content);
  return path;
}

describe('a file of more values than are held', () => {
  it.each([
    ['d.jsonl.gz', '""\n', 20, 'at most 20 documents; give a part of the file'],
    ['d.json', '""\n', 20, 'at most 20 documents; give a part of the file', '[""', ',""', ']'],
    ['t.json', '', 20, 'at most 20 documents; give a part of the file', '{"text":[""', ',""', ']}'],
    ['w.json', '', 10, 'at most 10 token windows; give a part of the file', '[[1,2]', ',[1,2]', ']'],
    ['n.json', '', 48, 'at most 100 bytes of JSON in one piece; give one document a line (.jsonl)', '["a"', '  ', ' ]'],
  ])('is refused: %s', async (name, line, most, expected, begin = '', item = '', end = '') => {
    const content = (count: number) => (begin === '' ? line.repeat(count) : `${begin}${item.repeat(count - 1)}${end}`);
    const path = await file(name, content(most + 1));
    const message = `expected ${expected}, got more, in ${path}`;
    await expect(readSource(path)).rejects.toThrow(message);
    await expect(readSource(path, { use: 'calibration' })).rejects.toThrow(message);
    await file(name, content(most));
    expect(await readSource(path)).toMatchObject({ name });
  });

  it('is refused as rows of parquet, and read where the first ones suffice', async () => {
    const path = fileURLToPath(new URL('../../test/golden/parquet/gzip-groups.parquet', import.meta.url));
    const message = `expected at most 20 rows; give a part of the file, got more, in ${path}`;
    await expect(readSource(path)).rejects.toThrow(message);
    await expect(readSource(path, { use: 'calibration' })).rejects.toThrow(message);
    expect(await readParquet(path, ['text'], {}, 9)).toHaveLength(9);
  });

  it('is refused where a line is', async () => {
    const path = await file('l.jsonl', `"a"\n"${'b'.repeat(100)}"\n`);
    await expect(readSource(path)).rejects.toThrow(
      `expected at most 100 bytes of JSON in one piece; give one document a line (.jsonl), got more, in ${path}, line 2`,
    );
  });

  it.each(['wikitext2', 'ptb'])('is refused as the rows of %s', async (protocol) => {
    const path = await file('rows.gz', '\n'.repeat(20));
    const expected = 'expected at most 20 lines; give a part of the file, got more';
    await expect(readSource(`${protocol}=${path}`)).rejects.toThrow(expected);
    await file('rows.gz', '\n'.repeat(19));
    expect(await readSource(`${protocol}=${path}`)).toMatchObject({ rows: { length: 19 } });
  });

  it('is refused as the documents of a task', async () => {
    const task = { name: 'own', shapes: [{ columns: { a: 'text' } }] } as unknown as Task;
    const path = await file('rows.jsonl.gz', '{"a":"b"}\n'.repeat(21));
    await expect(readDocuments(path, task, 1)).rejects.toThrow(
      `expected at most 20 documents; give a part of the file, got more, in ${path}`,
    );
    await expect(readDocuments(path, task)).rejects.toThrow(
      `expected at most 10 documents to evaluate (--limit); give a part of the file, got more, in ${path}`,
    );
    await file('rows.jsonl.gz', '{"a":"b"}\n'.repeat(20));
    expect(await readDocuments(path, task, 10)).toMatchObject({ total: 20, documents: { length: 10 } });
    await file('rows.jsonl.gz', '\n'.repeat(1001));
    await expect(readDocuments(path, task)).rejects.toThrow(
      `expected at most 1000 bytes, unpacked; give a part of the file, got more, in ${path}`,
    );
    // A row that is wrong is told before those after it are read.
    await file('rows.jsonl.gz', `{"a":1}\n${'{"a":"b"}\n'.repeat(50)}`);
    await expect(readDocuments(path, task)).rejects.toThrow('line 1');
  });
});
