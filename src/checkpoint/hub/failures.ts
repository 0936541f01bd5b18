// What can go wrong between here and the hub, and how each of it is said to a person. Inside this folder the kinds are
// told apart, since some are worth another attempt; outside, there is one clear line.

import { CheckpointError, DataError, type ErrorParts, NeuroalError, OutputError } from '../../errors.js';
import { quoted } from '../../quoted.js';
import { isSystemError } from '../system-error.js';
import type { HubEnvironment } from './environment.js';
import { pageAddress, type Repository, type RepoType, repositoryText } from './repository.js';

/** No answer, or one that broke off. */
export class NoAnswer extends Error {
  /** @param system code of the operating system or of the HTTP client, where there is one */
  constructor(
    message: string,
    readonly system?: string,
  ) {
    super(message);
  }
}

/** An answer that is none, and would be none again. */
export class Unfit extends NoAnswer {}

/** An answer that says no. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    /** X-Error-Code: what the hub calls it. */
    readonly kind: string | undefined,
    /** Seconds that the server asks to wait. */
    readonly retryAfter: number | undefined,
    /** X-Repo-Commit: the commit that it speaks of. */
    readonly commit: string | undefined,
  ) {
    super(`HTTP ${status}`);
  }
}

/** The class of error that users of this kind of repository expect. */
export const failureOf = (type: RepoType): (new (parts: ErrorParts) => NeuroalError) =>
  type === 'model' ? CheckpointError : DataError;

/** Any failure in the words of the project; aborts and errors that are clear already come back as they are. */
export function explained(error: unknown, environment: HubEnvironment, repository: Repository, file?: string): unknown {
  if (error instanceof NeuroalError) return error;
  const name = repositoryText(repository);
  const Failure = failureOf(repository.type);
  const host = new URL(environment.endpoint).host;
  if (isSystemError(error)) return cacheFailure(error, environment.cache);
  if (error instanceof NoAnswer) {
    const folder = file === undefined && repository.type === 'model';
    const expected = `${folder ? 'a model folder, or ' : ''}an answer from ${host}`;
    const got = `${folder ? 'no such folder, and ' : ''}${error.message}${proxyHint(error)}`;
    const hint = folder && error.system ? '; check the network, or write a folder as ./NAME' : '';
    const wanted = file === undefined ? '' : ` for ${quoted(file)}`;
    return new Failure({ expected: expected + wanted, got: got + hint, where: name, cause: error });
  }
  if (!(error instanceof Refusal)) return error;
  const { status, kind } = error;
  const parts = (expected: string, got: string): ErrorParts => ({ expected, got, where: name, cause: error });
  const page = pageAddress(environment, repository);
  const token = environment.token ? 'with a token that may read it' : 'and set HF_TOKEN';
  if (kind === 'RevisionNotFound')
    return new Failure(parts(`revision ${quoted(repository.revision)} of ${repository.id}`, 'none of that name'));
  if (file !== undefined && (kind === 'EntryNotFound' || (status === 404 && kind === undefined)))
    return new Failure(parts(`file ${quoted(file)} in the repository`, 'none of that name'));
  if (kind === 'GatedRepo')
    return new Failure(parts('access', `${status}, a gated repository: accept its terms at ${page} ${token}`));
  if (status === 403) return new Failure(parts('access', `403, gated or private: ask for access at ${page} ${token}`));
  if (status === 401 || status === 404 || kind === 'RepoNotFound') {
    const what = repository.type === 'model' ? 'a model folder or a repository' : 'a repository';
    const folder = repository.type === 'model' ? `no folder ${quoted(name)}, and on ` : 'on ';
    const why = environment.token ? 'the token may not read it' : 'it is private and needs HF_TOKEN';
    const path = repository.type === 'model' && !name.includes('/') ? `; write a folder as ./${name}` : '';
    return new Failure(parts(what, `${folder}${host} no such repository (${status}), unless ${why}${path}`));
  }
  if (status === 429) return new Failure(parts(`an answer from ${host}`, '429, too many requests: try again later'));
  return new Failure(parts(`an answer from ${host}`, `HTTP ${status}${status >= 500 ? ': try again later' : ''}`));
}

/** A failure of the file system below the cache. */
export function cacheFailure(error: NodeJS.ErrnoException, cache: string): OutputError {
  const full: Record<string, string> = { ENOSPC: 'a full disk', EDQUOT: 'a used-up disk quota' };
  const got = full[error.code ?? ''];
  if (got)
    return new OutputError({
      expected: 'room for the download (HF_HOME names another place)',
      got: `${got} (${error.code})`,
      where: cache,
      cause: error,
    });
  return new OutputError({
    expected: 'a cache that can be read and written (HF_HOME names another place)',
    got: error.message,
    where: cache,
    cause: error,
  });
}

/** Node's fetch knows no proxy unless told, which is worth saying where nothing answers. */
function proxyHint({ system }: NoAnswer): string {
  const name = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].find((variable) => process.env[variable]);
  if (!name || !system || process.env.NODE_USE_ENV_PROXY) return '';
  return ` (${name} is set: Node heeds it from 22.21 and 24.5 on, with NODE_USE_ENV_PROXY=1)`;
}
