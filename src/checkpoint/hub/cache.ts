// The folder of one repository in the cache, laid out as huggingface_hub does: blobs/ holds the contents, named by their
// etag, snapshots/COMMIT/ the files as links to them, refs/ the commit of each branch and tag.

import { copyFile, readFile, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { randomName } from '../random-name.js';
import { isSystemError } from '../system-error.js';
import { writeThenRename } from '../write-then-rename.js';
import type { HubEnvironment } from './environment.js';
import { failureOf } from './failures.js';
import { cacheName, isCommit, type Repository } from './repository.js';

const tag = `Signature: 8a477f597d28d172789f06886806bc55
# This file is a cache directory tag created by huggingface_hub.
# For information about cache directory tags, see:
#\thttps://bford.info/cachedir/
`;

export class RepositoryCache {
  readonly folder: string;
  readonly #root: string;
  readonly #locks: string;
  readonly #symlinks: boolean;

  constructor(
    environment: HubEnvironment,
    readonly repository: Repository,
  ) {
    this.#root = environment.cache;
    this.#symlinks = environment.symlinks;
    this.folder = join(this.#root, cacheName(repository));
    this.#locks = join(this.#root, '.locks', cacheName(repository));
  }

  blob(etag: string): string {
    return join(this.folder, 'blobs', etag);
  }

  /** Where a blob grows. The name is not Python's: its older versions write theirs under a lock that Node cannot take. */
  partial(etag: string): string {
    return `${this.blob(etag)}.neuroal.incomplete`;
  }

  lock(etag: string): string {
    return join(this.#locks, `${etag}.neuroal.lock`);
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** Where a file of a snapshot is, or would be. */
  file(commit: string, name: string): string {
    return join(this.snapshot(commit), ...name.split('/'));
  }

  has(commit: string, name: string): Promise<boolean> {
    return isFile(this.file(commit, name));
  }

  /** Whether the blob is there, of the right size. */
  async hasBlob(etag: string, size: number | undefined): Promise<boolean> {
    const found = await stat(this.blob(etag)).catch(absent);
    return found?.isFile() === true && (size === undefined || found.size === size);
  }

  /** Bytes of a file of `size` that are still to come. */
  async missingBytes(etag: string, size: number): Promise<number> {
    if (await this.hasBlob(etag, size)) return 0;
    const begun = (await stat(this.partial(etag)).catch(absent))?.size ?? 0;
    return begun <= size ? size - begun : size;
  }

  /** The commit that a revision was when it was last looked up; undefined where it never was. */
  async commit(): Promise<string | undefined> {
    const { revision } = this.repository;
    if (isCommit(revision)) return revision;
    const path = this.#ref();
    const found = await stat(path).catch(absent);
    if (!found?.isFile() || found.size > 100) return undefined;
    const text = (await readFile(path, 'utf8')).trim();
    return isCommit(text) ? text : undefined;
  }

  /** Notes the commit of the revision, unless the revision is that commit. */
  async saveCommit(commit: string): Promise<void> {
    if (this.repository.revision === commit || (await this.commit()) === commit) return;
    const path = this.#ref();
    await makeFolder(dirname(path));
    await writeThenRename(path, commit);
  }

  #ref(): string {
    return join(this.folder, 'refs', ...this.repository.revision.split('/'));
  }

  /** Whether it is known that a commit has no such file. */
  isMissing(commit: string, name: string): Promise<boolean> {
    return isFile(this.#missing(commit, name));
  }

  /** Notes that a commit has no such file. */
  async saveMissing(commit: string, name: string): Promise<void> {
    await makeFolder(dirname(this.#missing(commit, name)));
    await writeFile(this.#missing(commit, name), '');
  }

  #missing(commit: string, name: string): string {
    return join(this.folder, '.no_exist', commit, ...name.split('/'));
  }

  /** Makes the folders that a download needs. */
  async prepare(): Promise<void> {
    for (const folder of [join(this.folder, 'blobs'), this.#locks]) await makeFolder(folder);
    await writeFile(join(this.#root, 'CACHEDIR.TAG'), tag, { flag: 'wx' }).catch(() => {});
  }

  /**
   * Makes a file of a snapshot from the blob of `etag`: a link, or where there can be none the file itself.
   * @param fresh whether the blob is new, and so may be moved where links are not possible
   */
  async place(commit: string, name: string, etag: string, fresh: boolean): Promise<void> {
    const path = this.file(commit, name);
    await this.#staysInside(await nearestFolder(dirname(path)));
    await makeFolder(dirname(path));
    await this.#staysInside(dirname(path));
    const blob = this.blob(etag);
    const beside = `${path}.${randomName(4)}.tmp`;
    try {
      if (this.#symlinks && (await linked(relative(dirname(path), blob), beside))) return await rename(beside, path);
      if (fresh) return await rename(blob, path);
      await copyFile(blob, beside);
      await rename(beside, path);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  }

  /** A folder of a snapshot that is a link would lead the download somewhere else. */
  async #staysInside(folder: string): Promise<void> {
    const real = await realpath(folder);
    if (real === join(await realpath(this.folder), relative(this.folder, folder))) return;
    throw new (failureOf(this.repository.type))({
      expected: 'a folder of the cache',
      got: 'a link that leads elsewhere',
      where: folder,
    });
  }
}

/** For `catch`: undefined for what does not exist. */
function absent(error: unknown): undefined {
  if (isSystemError(error) && ['ENOENT', 'ENOTDIR'].includes(error.code ?? '')) return undefined;
  throw error;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(absent))?.isFile() === true;
}

/** Makes a link; false where the system or the disk has none. */
async function linked(target: string, path: string): Promise<boolean> {
  try {
    await symlink(target, path);
    return true;
  } catch (error) {
    if (isSystemError(error) && ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(error.code ?? '')) return false;
    throw error;
  }
}

/** The folder, or the nearest one above it that is there. */
async function nearestFolder(path: string): Promise<string> {
  return (await stat(path).catch(absent)) || dirname(path) === path ? path : nearestFolder(dirname(path));
}
