// Small files that others may read at any moment: they see the old content or the new one, never a part.

import { rename, rm, writeFile } from 'node:fs/promises';
import { randomName } from './random-name.js';

/** Writes `text`, or its pieces, to a file beside `path`, which then takes its name. Throws what the file system says. */
export async function writeThenRename(path: string, text: string | Iterable<string>): Promise<void> {
  const beside = `${path}.${randomName(4)}.tmp`;
  try {
    await writeFile(beside, text, { flush: true });
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}
