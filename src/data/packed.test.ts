// Files in the forms that people have: packed, with the marks and line ends of other systems, broken, and made to harm.

import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Progress } from '../progress.js';
import type { StoredSource } from './kinds.js';
import { type Line, linesOf, lineText } from './lines.js';
import { readSource } from './source.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroal-packed-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}
const stored = async (path: string) => (await readSource(path, { use: 'calibration' })) as StoredSource;

describe('a packed file', () => {
  it('is read as what it holds, whatever it is called', async () => {
    const lines = gzipSync('{"text":"one"}\n{"text":"two"}\n');
    const documents = { kind: 'documents', documents: ['one', 'two'] };
    for (const name of ['d.jsonl.gz', 'd.json.gz', 'd.jsonl', 'd.JSONL.GZ'])
      expect(await readSource(await file(name, lines))).toEqual({ ...documents, name });
    expect(await readSource(await file('d.json.gz', gzipSync('[[1,2],[3,4]]')))).toMatchObject({ kind: 'windows' });
    expect(await readSource(await file('t.txt.gz', gzipSync('text')))).toEqual({
      kind: 'text',
      name: 't.txt.gz',
      text: 'text',
    });
    expect(await readSource(await file('t.gz', 'not packed'))).toMatchObject({ kind: 'text', text: 'not packed' });
    const wiki = await readSource(`wikitext2=${await file('w.raw.gz', gzipSync(' = A = \n \nb\n'))}`);
    expect(wiki).toMatchObject({ rows: [' = A = \n', '', 'b\n'] });
    expect(await readSource(`c4=${await file('shard', lines)}`)).toMatchObject({ rows: ['one', 'two'] });
    expect(await readSource(`ptb=${await file('p.gz', gzipSync(' a b \n c\n'))}`)).toMatchObject({
      rows: ['a b', 'c'],
    });
  });

  it('may have several members', async () => {
    const path = await file('m.jsonl.gz', gzipSync('"one"\n"tw'));
    await appendFile(path, gzipSync('o"\n'));
    expect(await readSource(path)).toMatchObject({ documents: ['one', 'two'] });
  });

  it('is refused where it is broken', async () => {
    const packed = gzipSync('{"text":"a document of some words"}\n'.repeat(200));
    const short = await file('short.jsonl.gz', packed.subarray(0, packed.length - 12));
    await expect(readSource(short)).rejects.toThrow(
      `expected a whole gzip file, got unexpected end of file, in ${short}`,
    );
    await expect(stored(short)).rejects.toThrow(`expected a whole gzip file, got unexpected end of file, in ${short}`);
    const turned = Buffer.from(packed);
    turned[turned.length - 6] ^= 255;
    const wrong = await file('wrong.jsonl.gz', turned);
    await expect(readSource(wrong)).rejects.toThrow(
      `expected a whole gzip file, got incorrect data check, in ${wrong}`,
    );
    const nothing = await file('nothing.txt.gz', gzipSync(''));
    await expect(readSource(nothing)).rejects.toThrow(`expected a file with text, got an empty file, in ${nothing}`);
  });

  it('is not unpacked into more than a line, or a text, may have', async () => {
    const zeros = gzipSync(Buffer.alloc((1 << 26) + 2, 'a'));
    expect(zeros.length).toBeLessThan(100_000);
    const line = await file('bomb.jsonl.gz', zeros);
    const message = `expected lines of at most 67108864 bytes, got a longer one, in ${line}, line 1`;
    await expect(readSource(line)).rejects.toThrow(message);
    await expect(stored(line)).rejects.toThrow(message);
    // Members one after the other: 600 MB of text in some hundred kilobytes.
    const text = await file('bomb.txt.gz', Buffer.concat(new Array(9).fill(zeros)));
    await expect(readSource(text)).rejects.toThrow('expected a text of at most 536870880 bytes;');
  }, 60_000);
});

describe('lines', () => {
  it('are those of the text that are not empty', async () => {
    const line = fc.array(fc.constantFrom('a', 'é', '👋', ' ', '\r'), { maxLength: 6 }).map((c) => c.join(''));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        fc.boolean(),
        async (lines, end, packed) => {
          const text = `x${lines.join('\n')}${end ? '\n' : ''}`;
          const path = await file('lines', packed ? gzipSync(text) : text);
          const found: Line[] = [];
          for await (const batch of linesOf(path)) found.push(...batch);
          const expected = text.split('\n').filter((l) => l !== '');
          expect(found.map(({ bytes }) => bytes.toString())).toEqual(expected);
          expect(found.map((l) => lineText(l, path))).toEqual(expected.map((l) => l.replace(/\r$/, '')));
          for (const { offset, bytes } of found)
            expect(Buffer.from(text).subarray(offset, offset + bytes.length)).toEqual(bytes);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('may be many and empty', async () => {
    const path = await file('empty.jsonl.gz', gzipSync(`${'\n'.repeat(5_000_000)}"a"\n`));
    const found: Line[] = [];
    for await (const batch of linesOf(path)) found.push(...batch);
    expect(found).toMatchObject([{ number: 5_000_001, offset: 5_000_000 }]);
    expect(await readSource(path)).toMatchObject({ documents: ['a'] });
  });

  it('may be longer than a piece of the file', async () => {
    const long = 'b'.repeat(3_000_000);
    const path = await file('long.jsonl', `"${long}"\n"c"\n`);
    expect(await readSource(path)).toMatchObject({ documents: [long, 'c'] });
    expect([...(await (await stored(path)).documents.pick([1, 0], {})).values()]).toEqual(['c', long]);
  });
});

describe('documents that stay in their file', () => {
  const content = '\uFEFF{"text":"one"}\r\n\r\n"two"\r\n \n{"text":"three","url":"x"}';

  it.each([
    ['d.jsonl', content],
    ['d.jsonl.gz', gzipSync(content)],
  ])('are found by index, blank lines left out: %s', async (name, bytes) => {
    const { documents } = await stored(await file(name, bytes));
    expect(documents.length).toBe(3);
    expect(documents.passes).toBe(name.endsWith('.gz'));
    const found = await documents.pick([2, 0], {});
    expect([found.get(0), found.get(2), found.size]).toEqual(['one', 'three', 2]);
    expect(documents.sizeOf(1)).toBe('"two"\r'.length);
  });

  it('are checked when they are drawn, with their line', async () => {
    for (const [name, bytes] of [
      ['bad.jsonl', '"a"\n\n{"a":1}\n'],
      ['bad.jsonl.gz', gzipSync('"a"\n\n{"a":1}\n')],
    ] as const) {
      const path = await file(name, bytes);
      const { documents } = await stored(path);
      expect(await documents.pick([0], {})).toEqual(new Map([[0, 'a']]));
      await expect(documents.pick([1], {})).rejects.toThrow(
        `expected a text, or an object with a "text", got {"a":1}, in ${path}, line 3`,
      );
    }
  });

  it('are missed where the file has become shorter', async () => {
    const path = await file('gone.jsonl.gz', gzipSync('"a"\n"b"\n'));
    const { documents } = await stored(path);
    await writeFile(path, gzipSync('"a"\n'));
    await expect(documents.pick([1], {})).rejects.toThrow(
      `expected 2 documents, as before, got fewer: another program writes the file, in ${path}`,
    );
  });

  it('are counted with progress, and not when told to stop', async () => {
    const path = await file('p.jsonl.gz', gzipSync('"a"\n'.repeat(1000)));
    const reports: Progress[] = [];
    await readSource(path, { use: 'calibration', onProgress: (progress) => reports.push(progress) });
    expect(reports.at(-1)).toMatchObject({ phase: 'read', done: reports.at(-1)?.total });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(readSource(path, { use: 'calibration', signal })).rejects.toThrow('enough');
    await expect(readSource(path, { signal })).rejects.toThrow('enough');
  });
});
