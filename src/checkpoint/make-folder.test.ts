import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { makeFolder } from './make-folder.js';

let home: string;
beforeEach(async () => {
  home = await folderWith();
});
afterEach(() => removeFolder(home));

it('makes what is missing, and says what it made, the topmost first', async () => {
  const made: string[] = [];
  await makeFolder(join(home, 'a/b/c'), (folder) => made.push(folder));
  expect(made).toEqual(['a', 'a/b', 'a/b/c'].map((path) => join(home, path)));
  await makeFolder(join(home, 'a/b'), (folder) => made.push(folder));
  expect(made).toHaveLength(3);
});

it('lets others make the same at the same time', async () => {
  const made: string[] = [];
  const names = Array.from({ length: 20 }, (_, i) => `x/y/${i}`);
  await Promise.all(names.map((name) => makeFolder(join(home, name), (folder) => made.push(folder))));
  expect(await readdir(join(home, 'x/y'))).toHaveLength(20);
  expect(made.filter((folder) => folder === join(home, 'x'))).toHaveLength(1);
});

it('fails where a file stands in the way', async () => {
  await mkdir(join(home, 'a'));
  await writeFile(join(home, 'a/file'), '');
  await expect(makeFolder(join(home, 'a/file'))).rejects.toThrow('EEXIST');
  await expect(makeFolder(join(home, 'a/file/b'))).rejects.toThrow('ENOTDIR');
});
