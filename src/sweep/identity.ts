// What a cell's result depends on, as a checksum: a record is used again only where nothing of it has changed.

import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { splitSource } from '../data/source.js';
import { nodeCrypto } from '../node.js';

/** Files of weights may be larger than is worth reading: these count by size and time of change. */
const maxHashedBytes = 64 * 1024 * 1024;

/** What tells a file from another: SHA-256 of its content up to 64 MiB, above that its size and the time of its last change. */
export async function fileIdentity(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  if (size > maxHashedBytes) return `${size} bytes, changed ${mtimeMs}`;
  return nodeCrypto()
    .createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** The identities of the files at the top of a folder, by name; hidden files and links to nothing are not part of a model. */
export async function folderIdentity(folder: string): Promise<[name: string, identity: string][]> {
  const files: [string, string][] = [];
  for (const name of (await readdir(folder)).sort()) {
    const path = join(folder, name);
    const found = name.startsWith('.') ? undefined : await stat(path).catch(() => undefined);
    if (found?.isFile()) files.push([name, await fileIdentity(path)]);
  }
  return files;
}

/** The identity of a SOURCE: of its file, and of how the file is read. */
export async function sourceIdentity({ protocol, path }: ReturnType<typeof splitSource>): Promise<string> {
  const ending = extname(path.replace(/\.gz$/i, '')).toLowerCase();
  return `${protocol ?? ''}${ending} ${await fileIdentity(path)}`;
}

/** SHA-256 (hex) of a JSON value whose objects have their keys in a fixed order. */
export function keyOf(parts: unknown): string {
  return nodeCrypto().createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
