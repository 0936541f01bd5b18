// What a MODEL is: a folder of this machine, or a repository of the hub, which becomes a folder of the cache.

import { stat } from 'node:fs/promises';
import { CheckpointError } from '../../errors.js';
import type { LongRunning } from '../../progress.js';
import { quoted } from '../../quoted.js';
import { EMBEDDED, embeddedFolder } from '../embedded.js';
import { isSystemError } from '../system-error.js';
import { RepositoryCache } from './cache.js';
import { type HubEnvironment, hubEnvironment } from './environment.js';
import { explained, NoAnswer, Refusal } from './failures.js';
import { missingFiles } from './model-files.js';
import { looksLikePath, parseRepository, type Repository, repositoryText } from './repository.js';
import { fetchModel, type Listing, listFiles } from './snapshot.js';

export interface ModelPlace {
  /** Where its files are. */
  folder: string;
  /** What it is, for records: the folder as it was given, or `org/name@commit`. */
  source: string;
}

export interface ResolveOptions extends LongRunning {
  /** Settings of the hub; those of the process where left out. */
  environment?: HubEnvironment;
}

/**
 * The folder of a MODEL: a folder as it was given, or where there is none that of the package for the word `embedded`, or `org/name[@revision]` from the hub, through the
 * cache that huggingface_hub uses.
 * @throws CheckpointError where it is neither, cannot be had, or is not what was announced; OutputError where the cache
 *   cannot be written; UsageError for settings that make no sense; the signal's reason when aborted.
 */
export async function resolveModel(model: string, options: ResolveOptions = {}): Promise<string> {
  return (await locateModel(model, options)).folder;
}

/** Like `resolveModel`, and says what the model is. */
export async function locateModel(model: string, options: ResolveOptions = {}): Promise<ModelPlace> {
  options.signal?.throwIfAborted();
  const found = await stat(model).catch(() => undefined);
  if (found?.isDirectory()) return { folder: model, source: model };
  if (!found && model === EMBEDDED) return { folder: embeddedFolder, source: embeddedFolder };
  const refuse = (expected: string, got: string) => new CheckpointError({ expected, got, where: model });
  if (found || looksLikePath(model) || model === '')
    throw refuse(
      'a Hugging Face model folder with config.json and model.safetensors',
      found ? 'a file' : 'no such folder',
    );
  const repository = parseRepository(model);
  if (typeof repository === 'string')
    throw refuse('a model folder or a name on the hub (org/name[@revision])', `no such folder, and ${repository}`);
  const environment = options.environment ?? (await hubEnvironment());
  const cache = new RepositoryCache(environment, repository);
  try {
    const commit = await commitInCache(cache, environment, options);
    return { folder: cache.snapshot(commit), source: `${repository.id}@${commit}` };
  } catch (error) {
    options.signal?.throwIfAborted();
    throw explained(error, environment, repository);
  }
}

/** Sees to it that the cache holds the model; returns its commit. */
async function commitInCache(
  cache: RepositoryCache,
  environment: HubEnvironment,
  options: ResolveOptions,
): Promise<string> {
  const { repository } = cache;
  const known = await cache.commit();
  const missing = known === undefined ? undefined : await missingFiles(cache, known);
  if (environment.offline !== undefined) {
    if (known !== undefined && missing?.length === 0) return known;
    throw notCached(repository, environment, missing);
  }
  let listing: Listing;
  try {
    // With a whole copy at hand nobody waits for a server that does not answer.
    listing = await listFiles(repository, environment, {
      ...options,
      ...(missing?.length === 0 ? { attempts: 1 } : {}),
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    const gone = error instanceof Refusal && error.kind === 'RevisionNotFound';
    const silent = (error instanceof NoAnswer || error instanceof Refusal) && !gone;
    if (!silent || known === undefined || missing?.length !== 0) throw error;
    const note = `the hub says ${quoted(error.message)}: the cached copy is used`;
    options.onProgress?.({ phase: 'download', done: 1, total: 1, note });
    return known;
  }
  try {
    await fetchModel(cache, listing, environment, options);
  } catch (error) {
    // A cache that others fill and nobody else may write may lack a README and the like.
    const readOnly = isSystemError(error) && /^(EROFS|EACCES|EPERM)$/.test(error.code ?? '');
    if (!readOnly || listing.commit !== known || missing?.length !== 0) throw error;
  }
  // Last, so that what is found by the name of the revision is whole. In a cache that is only read it may stay old.
  await cache.saveCommit(listing.commit).catch(() => {});
  return listing.commit;
}

function notCached(repository: Repository, { offline, cache }: HubEnvironment, missing: string[] | undefined) {
  const name = repositoryText(repository);
  const [first, ...rest] = missing ?? [];
  const lacking = first === undefined ? 'nothing there' : `a copy without ${[first, ...rest.slice(0, 2)].join(', ')}`;
  return new CheckpointError({
    expected: `a model folder, or ${quoted(name)} in the cache`,
    got: `no such folder, and in the cache ${lacking}, while ${offline} forbids to download`,
    where: cache,
  });
}
