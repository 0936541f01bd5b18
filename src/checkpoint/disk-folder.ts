// A model folder on a disk.

import { nodeFiles, nodeFilesSync, nodePath } from '../node.js';
import { AheadFile } from './ahead-file.js';
import type { ByteFile } from './byte-file.js';
import { openForReading } from './disk-file.js';
import type { Folder, Reading } from './folder.js';
import { isSystemError } from './system-error.js';

export class DiskFolder implements Folder {
  /** @param ahead whether weights are read ahead of what is asked for (ahead-file.ts) */
  constructor(
    readonly name: string,
    private readonly ahead = false,
  ) {}

  pathOf(...names: string[]): string {
    return nodePath().join(this.name, ...names);
  }

  async list(below?: string): Promise<string[]> {
    try {
      return await nodeFiles().readdir(below === undefined ? this.name : this.pathOf(below));
    } catch (error) {
      if (isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
      throw error;
    }
  }

  async has(name: string): Promise<boolean> {
    return (await this.list()).includes(name);
  }

  read(names: readonly string[], how: Reading): Promise<Uint8Array | undefined> {
    return readDiskFile(this.pathOf(...names), how);
  }

  open(name: string, kind: string): Promise<ByteFile> {
    return openForReading(this.pathOf(name), kind, async (file) => (this.ahead ? new AheadFile(file) : file));
  }
}

/** Files up to this size are read without leaving the thread. */
const atOnceBytes = 64 * 1024;

/** The bytes of a small file; undefined where there is none. */
export async function readDiskFile(path: string, how: Reading): Promise<Uint8Array | undefined> {
  const { kind, mostBytes, Failure, signal } = how;
  const refuse = (expected: string, got: string, cause?: unknown): never => {
    throw new Failure({ expected, got, where: path, cause });
  };
  const { readFileSync, statSync } = nodeFilesSync();
  try {
    const found = statSync(path);
    // Opening a named pipe would wait for ever.
    if (!found.isFile()) refuse(`a ${kind}`, 'something that is not a file');
    const { size } = found;
    if (size > mostBytes) refuse(`a ${kind} of at most ${mostBytes} bytes`, `${size} bytes`);
    // Handing a small file to other threads takes longer than reading it, and a model has half a dozen of them.
    if (size <= atOnceBytes) return readFileSync(path);
    return await nodeFiles().readFile(path, signal && { signal });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'ENOENT') return undefined;
    return refuse(`a readable ${kind}`, error.code ?? error.message, error);
  }
}

/** The folder of that path, or the one that was given. */
export const folderAt = (folder: string | Folder): Folder =>
  typeof folder === 'string' ? new DiskFolder(folder) : folder;
