// Decides whether a result may be written at a place: never over, around or inside the model it is made from,
// and never over anything but an empty folder or, when told so, an older model.

import { lstat, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { ConfigError, OutputError } from '../errors.js';
import type { Checkpoint } from './checkpoint.js';
import { readJsonObject } from './json-file.js';

/** The real path of `out` (links resolved), whose last parts need not exist yet. Throws an OutputError for a bad place. */
export async function outputPlace(source: Checkpoint, out: string): Promise<string> {
  const place = await realPlace(resolve(out), out);
  const refuse = (got: string) =>
    new OutputError({ expected: 'an output folder apart from the model folder', got, where: out });
  const input = await realpath(source.folder);
  if (place === input) throw refuse('the model folder itself');
  if (inside(place, input)) throw refuse('a folder inside the model folder');
  if (inside(input, place)) throw refuse('a folder that contains the model folder');
  // The files may be links: writing must not replace what they lead to.
  for (const file of source.files)
    if (inside(await realpath(join(source.folder, file)), place)) throw refuse('a folder that contains the weights');
  return place;
}

/**
 * Whether something stands at `place` that may be replaced: true for an empty folder and, with `force`, for a model
 * folder; false where there is nothing. Throws an OutputError for anything else.
 */
export async function mayReplace(place: string, force: boolean): Promise<boolean> {
  const refuse = (expected: string, got: string) => new OutputError({ expected, got, where: place });
  const found = await lstat(place).catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!found) return false;
  if (!found.isDirectory()) throw refuse('an output folder', 'a file of that name; choose another');
  const names = await readdir(place);
  if (names.length === 0) return true;
  if (!(await isModelFolder(place)))
    throw refuse('an empty or new folder', 'one that is not a model folder; choose another or remove it yourself');
  if (!force)
    throw refuse(
      'an empty or new folder',
      'a folder with a model in it; choose another, or use --force (in the library, force: true)',
    );
  return true;
}

/** A config.json alone is not enough: many a project has one that is no model's. */
async function isModelFolder(folder: string): Promise<boolean> {
  const config = await readJsonObject(join(folder, 'config.json'), ConfigError).catch(() => undefined);
  return config !== undefined && ('model_type' in config.value || 'architectures' in config.value);
}

/** Whether `path` lies below `folder`. */
function inside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function realPlace(path: string, out: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (await lstat(path).catch(() => undefined))
    throw new OutputError({ expected: 'an output folder', got: `a link that leads nowhere: ${path}`, where: out });
  return join(await realPlace(dirname(path), out), basename(path));
}
