// The step that no real file system can be made to fail at will: the second of the two renames of a replacement.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { f32, folderWith, removeFolder, safetensors } from '../../test/checkpoint-fixture.js';
import { openCheckpoint } from './open-checkpoint.js';
import { OutputFolder } from './output.js';

vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  const rename = async (from: string, to: string) => {
    if (!from.endsWith('.partial')) return real.rename(from, to);
    throw Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC', syscall: 'rename' });
  };
  return { ...real, rename };
});

test('when the new folder cannot take its place, the old one is put back', async () => {
  const home = await folderWith();
  const [model, out] = [join(home, 'model'), join(home, 'out')];
  for (const folder of [model, out]) {
    await mkdir(folder);
    await writeFile(join(folder, 'config.json'), JSON.stringify({ model_type: folder === model ? 'llama' : 'opt' }));
  }
  await writeFile(join(model, 'model.safetensors'), safetensors({ a: f32([1], [1]) }));
  const source = await openCheckpoint(model);
  const output = await OutputFolder.create(source, out, { force: true });
  await expect(output.commit()).rejects.toThrow(
    `expected room for 1 MB in ${home}, got a full disk (ENOSPC), in ${out}`,
  );
  expect((await readdir(home)).sort()).toEqual(['model', 'out']);
  expect(await readFile(join(out, 'config.json'), 'utf8')).toBe('{"model_type":"opt"}');
  await source.close();
  await removeFolder(home);
});
