// Copies the files of a model folder. A Hugging Face cache snapshot consists of links to blobs: a link to a file is
// followed and becomes a file. A link to a folder is not followed, since it may lead anywhere, also round in a circle.

import { chmod, constants, copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Copies every regular file below `from` into the existing folder `to`, byte for byte and writable by its owner, except
 * what `without` names at the top level. Returns the paths of the copies.
 */
export async function copyFolder(
  from: string,
  to: string,
  without: (name: string, isFolder: boolean) => boolean,
  signal?: AbortSignal,
): Promise<string[]> {
  const copies: string[] = [];
  for (const entry of await readdir(from, { withFileTypes: true })) {
    signal?.throwIfAborted();
    if (without(entry.name, entry.isDirectory())) continue;
    const source = join(from, entry.name);
    const copy = join(to, entry.name);
    if (entry.isDirectory()) {
      await mkdir(copy);
      copies.push(...(await copyFolder(source, copy, () => false, signal)));
      continue;
    }
    const found = await stat(source);
    if (!found.isFile()) continue;
    await copyFile(source, copy, constants.COPYFILE_FICLONE);
    await chmod(copy, (found.mode & 0o777) | 0o600);
    copies.push(copy);
  }
  return copies;
}
