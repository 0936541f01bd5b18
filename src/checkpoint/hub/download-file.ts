// One named file of a repository, such as a part of a data set.

import { UsageError } from '../../errors.js';
import type { LongRunning } from '../../progress.js';
import { quoted } from '../../quoted.js';
import { ByteCount } from './byte-count.js';
import { RepositoryCache } from './cache.js';
import { type HubEnvironment, hubEnvironment } from './environment.js';
import { explained, failureOf, NoAnswer, Refusal } from './failures.js';
import { describeFile, fetchFile } from './file.js';
import { isCommit, isPlainPath, parseRepository, type RepoType, repositoryText } from './repository.js';

export interface FileName {
  /** `org/name`, or `name` alone. */
  repo: string;
  /** Branch, tag or commit; `main` where left out. */
  revision?: string;
  /** Path inside the repository. */
  file: string;
  repoType: RepoType;
}

export interface DownloadOptions extends LongRunning {
  /** Settings of the hub; those of the process where left out. */
  environment?: HubEnvironment;
  /** Most bytes that the file may have. */
  maxBytes?: number;
}

/**
 * Path of a file of a repository in the cache, downloaded where it is not there or no longer what the revision means.
 * @throws UsageError for names that can be none; CheckpointError (of a model) or DataError (of a data set) where it cannot
 *   be had or is not what was announced; OutputError where the cache cannot be written; the signal's reason when aborted.
 */
export async function downloadFile(name: FileName, options: DownloadOptions = {}): Promise<string> {
  const { repo, revision, file, repoType } = name;
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const repository = parseRepository(revision === undefined ? repo : `${repo}@${revision}`, repoType);
  if (typeof repository === 'string' || repo.includes('@')) {
    const why = typeof repository === 'string' ? `: ${repository}` : '';
    throw new UsageError(`expected a repository org/name and a revision, got ${quoted(repo)}${why}`);
  }
  if (!isPlainPath(file)) throw new UsageError(`expected a path inside ${repo}, got ${quoted(file)}`);
  const environment = options.environment ?? (await hubEnvironment());
  const cache = new RepositoryCache(environment, repository);
  const Failure = failureOf(repoType);
  try {
    const known = await cache.commit();
    const cached = known !== undefined && (await cache.has(known, file)) ? cache.file(known, file) : undefined;
    if (cached !== undefined && (isCommit(repository.revision) || environment.offline !== undefined)) return cached;
    if (environment.offline !== undefined) {
      const none = known !== undefined && (await cache.isMissing(known, file));
      throw new Failure({
        expected: `${quoted(file)} of ${repositoryText(repository)} in the cache`,
        got: none ? 'a note that there is none' : `nothing, while ${environment.offline} forbids to download`,
        where: environment.cache,
      });
    }
    const fileOptions = { ...options, environment };
    // With a copy at hand nobody waits for a server that does not answer.
    const attempts = cached === undefined ? undefined : 1;
    const remote = await describeFile(repository, file, { ...fileOptions, attempts }).catch(async (error) => {
      signal?.throwIfAborted();
      if (error instanceof Refusal && error.kind === 'EntryNotFound' && isCommit(error.commit ?? ''))
        await cache.saveMissing(error.commit as string, file).catch(() => {});
      const gone = error instanceof Refusal && /^(Revision|Entry)NotFound$/.test(error.kind ?? '');
      if (cached !== undefined && !gone && (error instanceof NoAnswer || error instanceof Refusal)) return undefined;
      throw error;
    });
    if (remote === undefined) return cached as string;
    const count = new ByteCount(onProgress);
    count.expect(remote.size);
    await fetchFile(cache, remote, { ...fileOptions, onBytes: count.add, onNote: count.report });
    count.finish();
    await cache.saveCommit(remote.commit).catch(() => {});
    return cache.file(remote.commit, file);
  } catch (error) {
    signal?.throwIfAborted();
    throw explained(error, environment, repository, file);
  }
}
