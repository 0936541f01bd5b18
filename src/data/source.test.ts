import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSource } from './source.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroal-source-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Writes a file and reads it as a source. */
async function source(name: string, content: string | Uint8Array, protocol = '') {
  const path = join(folder, name);
  await writeFile(path, content);
  return readSource(protocol + path);
}

describe('readSource', () => {
  it('takes a text as it is', async () => {
    expect(await source('a.txt', '\uFEFFone\r\ntwo\n')).toEqual({
      kind: 'text',
      name: 'a.txt',
      text: '\uFEFFone\r\ntwo\n',
    });
  });

  it('takes documents in every shape', async () => {
    const documents = ['one\n', 'two'];
    const name = 'd.json';
    const expected = { kind: 'documents', name, documents };
    expect(await source('d.jsonl', '{"text":"one\\n"}\r\n\n"two"')).toEqual({ ...expected, name: 'd.jsonl' });
    expect(await source(name, '{"text":"one\\n","url":"x"}\n{"text":"two"}\n')).toEqual(expected);
    expect(await source(name, '["one\\n", "two"]')).toEqual(expected);
    expect(await source(name, '["one\\n", {"text": "two"}]')).toEqual(expected);
    expect(await source(name, '{"text": ["one\\n", "two"]}')).toEqual(expected);
    expect(await source(name, '{\n "text": "one"\n}\n')).toEqual({ kind: 'text', name, text: 'one' });
    expect(await source(name, '{"text":"one"}\n')).toEqual({ kind: 'text', name, text: 'one' });
  });

  it('takes token windows', async () => {
    const windows = [Int32Array.of(1, 2), Int32Array.of(3, 4, 5)];
    expect(await source('w.json', '[[1,2],[3,4,5]]')).toEqual({ kind: 'windows', name: 'w.json', windows });
  });

  it('takes the rows of a protocol', async () => {
    const wiki = { kind: 'protocol', protocol: 'wikitext2', name: 'wikitext2', rows: ['', ' = A = \n', '', 'b\n'] };
    expect(await source('w.raw', ' \n = A = \n \nb\n', 'wikitext2=')).toEqual(wiki);
    expect(await source('w.raw', ' \n = A = \n \nb', 'wikitext2=')).toEqual(wiki);
    const ptb = await source('p.txt', ' no it was \n yes \n', 'ptb=');
    expect(ptb).toEqual({ kind: 'protocol', protocol: 'ptb', name: 'ptb', rows: ['no it was', 'yes'] });
    const c4 = { kind: 'protocol', protocol: 'c4', name: 'c4', rows: ['a', 'b'] };
    expect(await source('c.jsonl', '{"text":"a"}\n{"text":"b"}\n', 'c4=')).toEqual(c4);
    expect(await source('c.json', '["a","b"]', 'c4=')).toEqual(c4);
  });

  it.each([
    ['bad.txt', Uint8Array.of(97, 0xff), '', 'expected text in UTF-8, got bytes that are not, in FILE'],
    ['empty.txt', '', '', 'expected a file with text, got an empty file, in FILE'],
    ['x.jsonl', '\n \n', '', 'expected one JSON document a line, got blank lines, in FILE'],
    ['x.jsonl', '"a"\n{"a":1}', '', 'expected a text, or an object with a "text", got {"a":1}, in FILE, line 2'],
    ['x.json', '[]', '', 'expected texts or token windows, got an empty array, in FILE'],
    ['x.json', '["a", [1, 2]]', '', 'expected a text, or an object with a "text", got [1,2], in FILE, item 1'],
    ['x.json', '[[1, 2], "a"]', '', 'expected an array of token ids, got "a", in FILE, window 1'],
    ['x.json', '[[1]]', '', 'expected a window of at least 2 token ids, got 1, in FILE, window 0'],
    ['x.json', '[[1, -2]]', '', 'expected token ids (whole numbers, 0 or more), got -2, in FILE, window 0'],
    ['x.json', '[[1, 2.5]]', '', 'expected token ids (whole numbers, 0 or more), got 2.5, in FILE, window 0'],
    ['x.json', '[[1, 1e10]]', '', 'expected token ids (whole numbers, 0 or more), got 10000000000, in FILE, window 0'],
    ['x.json', 'null', '', 'expected a text, or an object with a "text", got null, in FILE'],
    ['x.json', '[[1, 2]]', 'c4=', 'expected documents (objects with a text, one a line), got token ids, in FILE'],
  ])('refuses %s: %s', async (name, content, protocol, message) => {
    const error = await source(name, content, protocol).catch((e) => e);
    expect(error.message).toBe(message.replace('FILE', join(folder, name)));
    expect(error.code).toBe('DATA');
  });

  it.skipIf(process.platform === 'win32')('does not wait for a pipe', async () => {
    const path = join(folder, 'pipe.txt');
    execFileSync('mkfifo', [path]);
    await expect(readSource(path)).rejects.toThrow(`expected a file, got something that is not a file, in ${path}`);
  });

  it('says what is missing', async () => {
    await expect(readSource('ptb=')).rejects.toThrow('expected ptb=FILE, got no file after the "="');
    await expect(readSource('')).rejects.toThrow('expected a SOURCE (a file, or PROTOCOL=FILE), got nothing');
    const path = join(folder, 'none');
    await expect(readSource(path)).rejects.toThrow(`expected a file that can be read, got no such file, in ${path}`);
    await mkdir(path);
    await expect(readSource(path)).rejects.toThrow(`expected a file, got a folder, in ${path}`);
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    // Newer engines show any depth.
    await expect(source('deep.jsonl', `"a"\n${deep}\n`)).rejects.toThrow(
      /^expected a text, or an object with a "text", got (a list too deep to show|\[{120}…), in .+deep\.jsonl, line 2$/,
    );
    await expect(source('x.json', '[1,')).rejects.toThrow('expected valid JSON, got');
  });
});
