// Whether a file is the one that its etag names. The hub's etags are hashes: of a large file its SHA-256, of a small one
// the id that git gives it. Other servers may have others, which say nothing.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { nodeCrypto } from '../../node.js';

/** What an etag says, as a name for the blob: without the marks around it. Undefined for what is no plain name. */
export function plainEtag(header: string | null): string | undefined {
  const etag = header?.trim().replace(/^W\//, '').replace(/^"|"$/g, '');
  return etag !== undefined && /^[\w.-]{1,128}$/.test(etag) && !/^\.+$/.test(etag) ? etag : undefined;
}

/** The hash of a file in the terms of its etag, read from the disk; undefined where the etag is no hash. */
export async function hashOf(path: string, etag: string, signal?: AbortSignal): Promise<string | undefined> {
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(etag)) return undefined;
  const hash = nodeCrypto().createHash(etag.length === 64 ? 'sha256' : 'sha1');
  if (etag.length === 40) hash.update(`blob ${(await stat(path)).size}\0`);
  const stream = createReadStream(path, { highWaterMark: 1 << 20 });
  for await (const piece of stream) {
    signal?.throwIfAborted();
    hash.update(piece);
  }
  return hash.digest('hex');
}
