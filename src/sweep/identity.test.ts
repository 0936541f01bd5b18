// When two files, folders and sources count as the same.

import { mkdir, rename, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { splitSource } from '../data/source.js';
import { fileIdentity, folderIdentity, keyOf, sourceIdentity } from './identity.js';

let folder: string;
const path = (name: string) => join(folder, name);
beforeEach(async () => {
  folder = await folderWith({ a: 'abc', b: 'abd' });
});
afterEach(() => removeFolder(folder));

it('a file is its content', async () => {
  // The example of FIPS 180-2.
  expect(await fileIdentity(path('a'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(await fileIdentity(path('b'))).not.toBe(await fileIdentity(path('a')));
  const before = await fileIdentity(path('a'));
  await utimes(path('a'), 1, 1);
  expect(await fileIdentity(path('a'))).toBe(before);
});

it('a large file is its size and the time of its last change', async () => {
  const limit = 64 * 1024 * 1024;
  await truncate(path('a'), limit + 1);
  await utimes(path('a'), 1000, 1000);
  expect(await fileIdentity(path('a'))).toBe(`${limit + 1} bytes, changed 1000000`);
  await utimes(path('a'), 1000, 1001);
  expect(await fileIdentity(path('a'))).toBe(`${limit + 1} bytes, changed 1001000`);
  await truncate(path('a'), limit);
  expect(await fileIdentity(path('a'))).toMatch(/^[0-9a-f]{64}$/);
});

it('a folder is the names and contents of its files', async () => {
  const before = await folderIdentity(folder);
  expect(before.map(([name]) => name)).toEqual(['a', 'b']);
  await writeFile(path('.hidden'), 'x');
  await mkdir(path('sub'));
  await symlink('nowhere', path('link'));
  expect(await folderIdentity(folder)).toEqual(before);
  await rename(path('b'), path('c'));
  expect(await folderIdentity(folder)).not.toEqual(before);
});

it('a source is its file and how it is read', async () => {
  for (const name of ['x.txt', 'y.txt', 'x.jsonl']) await writeFile(path(name), '{"text":"a"}');
  const of = (name: string) => sourceIdentity(splitSource(name));
  const text = await of(path('x.txt'));
  expect(await of(path('y.txt'))).toBe(text);
  const others = await Promise.all([of(path('x.jsonl')), of(`ptb=${path('x.txt')}`), of(`wikitext2=${path('x.txt')}`)]);
  expect(new Set([text, ...others]).size).toBe(4);
});

it('a key is a checksum of the whole', () => {
  expect(keyOf({ a: [1, null] })).toMatch(/^[0-9a-f]{64}$/);
  expect(keyOf({ a: [1, null] })).toBe(keyOf({ a: [1, null] }));
  expect(keyOf({ a: [1, null] })).not.toBe(keyOf({ a: [1, 0] }));
});
