// Folders with their parents, made step by step: where a file system refuses new folders with ENOENT (/proc does), the
// recursive mkdir of Node never returns.

import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and its parents, those that somebody else makes meanwhile excepted.
 * @param made called with each folder that was made, the topmost first; also where a later one fails
 */
export async function makeFolder(path: string, made: (folder: string) => void = () => {}): Promise<void> {
  const exists = await stat(path).catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (exists?.isDirectory()) return;
  if (!exists && dirname(path) !== path) await makeFolder(dirname(path), made);
  try {
    await mkdir(path);
    made(path);
  } catch (error) {
    const theirs = (error as NodeJS.ErrnoException).code === 'EEXIST' && (await stat(path)).isDirectory();
    if (!theirs) throw error;
  }
}
