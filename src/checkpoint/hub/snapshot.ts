// The files of a model at one commit, brought into the cache: first everything small, then the weights. So a snapshot that
// has its weights has all of it, also when the network is gone.

import { statfs } from 'node:fs/promises';
import { OutputError } from '../../errors.js';
import type { LongRunning } from '../../progress.js';
import { quoted } from '../../quoted.js';
import { ByteCount } from './byte-count.js';
import type { RepositoryCache } from './cache.js';
import type { HubEnvironment } from './environment.js';
import { explained, failureOf, NoAnswer, Refusal, Unfit } from './failures.js';
import { describeFile, fetchFile } from './file.js';
import { IdleSignal } from './idle-signal.js';
import { maxSmallBytes, modelFiles, shardsOf } from './model-files.js';
import { inParallel } from './parallel.js';
import { isCommit, isPlainPath, listAddress, type Repository, repositoryText } from './repository.js';
import { body, send } from './request.js';
import { Retries, retried } from './retries.js';

/** Files that are downloaded at the same time. */
const atOnce = 4;
const maxListBytes = 64 * 1024 * 1024;

export interface Listing {
  commit: string;
  names: string[];
}

/** Asks which commit a revision is and which files it has; names that are no plain paths are left out. */
export async function listFiles(
  repository: Repository,
  environment: HubEnvironment,
  options: { signal?: AbortSignal | undefined; attempts?: number | undefined },
): Promise<Listing> {
  const { signal, attempts } = options;
  const text = await retried(new Retries(environment, signal, { attempts }), () =>
    readText(listAddress(environment, repository), environment, signal),
  );
  let listing: unknown;
  try {
    listing = JSON.parse(text);
  } catch {
    throw new NoAnswer('something that is not JSON');
  }
  const { sha, siblings } = (listing ?? {}) as { sha?: unknown; siblings?: unknown };
  if (typeof sha !== 'string' || !isCommit(sha) || !Array.isArray(siblings))
    throw new NoAnswer('no list of files with a commit (sha, siblings)');
  if (isCommit(repository.revision) && repository.revision !== sha)
    throw new (failureOf(repository.type))({
      expected: `the files of commit ${repository.revision}`,
      got: `those of ${sha}`,
      where: repositoryText(repository),
    });
  const names = siblings
    .map((sibling) => (sibling as { rfilename?: unknown } | null)?.rfilename)
    .filter((name): name is string => typeof name === 'string' && isPlainPath(name));
  return { commit: sha, names: [...new Set(names)] };
}

async function readText(url: URL, environment: HubEnvironment, signal: AbortSignal | undefined): Promise<string> {
  const idle = new IdleSignal(environment.etagTimeout, signal);
  try {
    const response = await send('GET', url, { environment, signal: idle.signal });
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of body(response, idle.signal)) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > maxListBytes) throw new Unfit(`a list of files of more than ${maxListBytes} bytes`);
      idle.alive();
    }
    return Buffer.concat(pieces).toString('utf8');
  } finally {
    idle.end();
  }
}

/** Brings the files of a model into the cache, those that are not there. */
export async function fetchModel(
  cache: RepositoryCache,
  { commit, names }: Listing,
  environment: HubEnvironment,
  { signal, onProgress }: LongRunning,
): Promise<void> {
  const count = new ByteCount(onProgress);
  const repository = { ...cache.repository, revision: commit };
  const naming = (name: string) => (error: unknown) => {
    if (!(error instanceof NoAnswer || error instanceof Refusal)) throw error;
    throw explained(error, environment, cache.repository, name);
  };
  const fetchAll = async (wanted: readonly string[], maxBytes: number | undefined) => {
    const absent: string[] = [];
    for (const name of wanted) if (!(await cache.has(commit, name))) absent.push(name);
    const options = { environment, maxBytes };
    const files = await inParallel(absent, atOnce, signal, (name, stop) =>
      describeFile(repository, name, { ...options, signal: stop }).catch(naming(name)),
    );
    if (files.length === 0) return;
    await cache.prepare();
    let toCome = 0;
    for (const { etag, size } of files) {
      count.expect(size);
      toCome += await cache.missingBytes(etag, size ?? 0);
    }
    await checkRoom(environment.cache, toCome);
    await inParallel(files, atOnce, signal, async (file, stop) => {
      const tell = { onBytes: count.add, onNote: count.report };
      await fetchFile(cache, file, { ...options, ...tell, signal: stop }).catch(naming(file.name));
      count.finish();
    });
  };
  const chosen = modelFiles(names, repositoryText(cache.repository));
  await fetchAll(chosen.small, maxSmallBytes);
  const weights = chosen.index ? await shardsOf(cache, commit, chosen.index) : [chosen.weights as string];
  const unknown = weights.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new (failureOf('model'))({
      expected: `shard ${quoted(unknown)}, which ${chosen.index} names`,
      got: 'none of that name in the repository',
      where: repositoryText(cache.repository),
    });
  await fetchAll(weights, undefined);
}

/** A disk that cannot take the download is better known before it than at its end. */
async function checkRoom(cache: string, bytes: number): Promise<void> {
  const disk = await statfs(cache).catch(() => undefined);
  // Some network disks say nothing of themselves.
  if (!disk || disk.blocks === 0) return;
  const free = disk.bavail * disk.bsize;
  if (bytes <= free) return;
  const megabytes = (n: number) => `${Math.ceil(n / 1e6)} MB`;
  const expected = `room for ${megabytes(bytes)} (HF_HOME names another place)`;
  throw new OutputError({ expected, got: `${megabytes(free)} free`, where: cache });
}
