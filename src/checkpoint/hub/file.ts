// One file of a repository: what the hub says of it, and its way into the cache.

import { rename } from 'node:fs/promises';
import { quoted } from '../../quoted.js';
import { withLock } from '../lock.js';
import type { RepositoryCache } from './cache.js';
import { plainEtag } from './content.js';
import type { HubEnvironment } from './environment.js';
import { failureOf, Unfit } from './failures.js';
import { IdleSignal } from './idle-signal.js';
import { fileAddress, isCommit, type Repository } from './repository.js';
import { discard, send } from './request.js';
import { Retries, retried } from './retries.js';
import { lengthOf, transfer } from './transfer.js';

/** What the hub says of a file. */
export interface RemoteFile {
  name: string;
  commit: string;
  /** Its name among the blobs. */
  etag: string;
  /** Bytes, where the hub says so. */
  size: number | undefined;
}

export interface FileOptions {
  environment: HubEnvironment;
  signal?: AbortSignal | undefined;
  /** Bytes that came, or (negative) that have to come again. */
  onBytes?: (bytes: number) => void;
  onNote?: (note: string) => void;
  /** Most bytes that the file may have. */
  maxBytes?: number | undefined;
  /** Attempts to learn what the file is; 5 where left out. */
  attempts?: number | undefined;
}

/** Asks what a file of a revision is. */
export async function describeFile(
  repository: Repository,
  name: string,
  { environment, signal, attempts, maxBytes = Number.MAX_SAFE_INTEGER }: FileOptions,
): Promise<RemoteFile> {
  const response = await retried(new Retries(environment, signal, { attempts }), async () => {
    const idle = new IdleSignal(environment.etagTimeout, signal);
    try {
      const options = { environment, signal: idle.signal, stopAt };
      const found = await send('HEAD', fileAddress(environment, repository, name), options);
      await discard(found);
      return found;
    } finally {
      idle.end();
    }
  });
  const refuse = (expected: string, got: string) =>
    new (failureOf(repository.type))({ expected, got, where: `${repository.id}, ${quoted(name)}` });
  const { headers, ok } = response;
  const commit = headers.get('x-repo-commit') ?? '';
  if (!isCommit(commit)) throw refuse('a hub, which names the commit (X-Repo-Commit)', quoted(commit));
  if (isCommit(repository.revision) && commit !== repository.revision)
    throw refuse(`a file of commit ${repository.revision}`, `one of ${commit}`);
  const etag = plainEtag(headers.get('x-linked-etag') ?? headers.get('etag'));
  if (etag === undefined) throw refuse('an ETag that names the content', quoted(headers.get('etag') ?? undefined));
  const linked = headers.get('x-linked-size');
  const size = linked !== null && /^\d{1,15}$/.test(linked) ? Number(linked) : ok ? lengthOf(response) : undefined;
  if (size !== undefined && size > maxBytes) throw refuse(`a file of at most ${maxBytes} bytes`, `${size} bytes`);
  return { name, commit, etag, size };
}

/** The hub's own answer for a large file is a redirect to where it lies; what it says of the file stands on it. */
const stopAt = ({ headers }: Response, elsewhere: boolean) =>
  headers.has('x-repo-commit') && (elsewhere || headers.has('x-linked-etag'));

/** Brings a file into the cache, unless it is there. */
export async function fetchFile(cache: RepositoryCache, file: RemoteFile, options: FileOptions): Promise<void> {
  const { environment, signal, onBytes, onNote, maxBytes = Number.MAX_SAFE_INTEGER } = options;
  const { name, commit, etag, size } = file;
  const { repository } = cache;
  const finished = () => onBytes?.(size ?? 0);
  if (await cache.has(commit, name)) return finished();
  if (size === undefined && maxBytes === Number.MAX_SAFE_INTEGER)
    throw new Unfit('no size of the file, neither X-Linked-Size nor Content-Length');
  await cache.prepare();
  const onWait = () => onNote?.(`waiting for another process that downloads ${name}`);
  await withLock(cache.lock(etag), { signal, onWait }, async () => {
    if (await cache.has(commit, name)) return finished();
    const there = await cache.hasBlob(etag, size);
    if (there) finished();
    else {
      const url = fileAddress(environment, { ...repository, revision: commit }, name);
      const what = {
        type: repository.type,
        url,
        name: `${repository.id}, ${quoted(name)}`,
        etag,
        size,
        limit: maxBytes,
      };
      await transfer(what, cache.partial(etag), { environment, signal, onBytes });
      await rename(cache.partial(etag), cache.blob(etag));
    }
    await cache.place(commit, name, etag, !there);
  });
}
