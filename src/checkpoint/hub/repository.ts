// Names of repositories, revisions and files on the hub: which words can be one, and how each is written in an address
// and on the disk. The rules are those of huggingface_hub and git, so that no name leads out of the cache.

import type { HubEnvironment } from './environment.js';

export type RepoType = 'model' | 'dataset';

/** One revision of one repository. */
export interface Repository {
  type: RepoType;
  /** `org/name`, or `name` alone. */
  id: string;
  /** Branch, tag or commit. */
  revision: string;
}

const defaultRevision = 'main';

/** Whether a text is a full commit hash. */
export const isCommit = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/** `org/name@revision`, without the revision where it is the usual one. */
export const repositoryText = ({ id, revision }: Repository): string =>
  revision === defaultRevision ? id : `${id}@${revision}`;

/** Whether a text can only mean a place on this machine. */
export function looksLikePath(text: string): boolean {
  const name = text.split('@', 1)[0];
  return (
    /^(\.{1,2}$|\.{1,2}\/|\/|~|[A-Za-z]:)/.test(text) ||
    text.includes('\\') ||
    text.endsWith('/') ||
    name.split('/').length > 2
  );
}

/** Splits `org/name[@revision]`; a text says what is wrong with it. */
export function parseRepository(text: string, type: RepoType = 'model'): Repository | string {
  const at = text.indexOf('@');
  const id = at < 0 ? text : text.slice(0, at);
  const revision = at < 0 ? defaultRevision : text.slice(at + 1);
  const wrong = wrongId(id) ?? wrongRevision(revision);
  return wrong ?? { type, id, revision };
}

function wrongId(id: string): string | undefined {
  if (!/^(?:\b[\w.-]{1,96}\b\/)?\b[\w.-]{1,96}\b$/.test(id))
    return 'the name of a repository has letters, digits, "-", "_" and ".", at most 96, and one "/" at most';
  if (id.includes('--') || id.includes('..')) return 'the name of a repository has no "--" and no ".."';
  if (id.endsWith('.git')) return 'the name of a repository does not end in ".git"';
  return undefined;
}

/** git's rules for the name of a reference. */
function wrongRevision(revision: string): string | undefined {
  const parts = revision.split('/');
  const ok =
    revision.length <= 250 &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    !/[\x00-\x20\x7f~^:?*[\]\\]|\.\.|@\{/.test(revision) &&
    parts.every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.') && !part.endsWith('.lock'));
  return ok ? undefined : 'a revision is a branch, a tag or a commit';
}

/** Whether a path inside a repository is plain on every system: relative, with "/", without "..", drives and the like. */
export function isPlainPath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (path.length > 1000 || /[\x00-\x1f\x7f\\:*?"<>|]/.test(path)) return false;
  return path.split('/').every((part) => part !== '' && part.length <= 255 && !/^\.+$/.test(part));
}

const prefix = (type: RepoType) => (type === 'dataset' ? 'datasets/' : '');

/** Where the hub lists the files of a revision. */
export function listAddress({ endpoint }: HubEnvironment, { type, id, revision }: Repository): URL {
  return new URL(`${endpoint}/api/${type}s/${id}/revision/${encodeURIComponent(revision)}`);
}

/** Where the hub has a file of a revision. */
export function fileAddress({ endpoint }: HubEnvironment, { type, id, revision }: Repository, file: string): URL {
  const path = file.split('/').map(encodeURIComponent).join('/');
  return new URL(`${endpoint}/${prefix(type)}${id}/resolve/${encodeURIComponent(revision)}/${path}`);
}

/** Its page, for a person. */
export const pageAddress = ({ endpoint }: HubEnvironment, { type, id }: Repository): string =>
  `${endpoint}/${prefix(type)}${id}`;

/** Its folder in the cache. */
export const cacheName = ({ type, id }: Repository): string => [`${type}s`, ...id.split('/')].join('--');
