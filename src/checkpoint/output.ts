// Writes a pruned copy of a model folder. All work happens in a hidden folder beside the target, which takes the
// target's name at the end: whoever looks sees the old state or the whole new one. Safetensors files are copied and
// single tensors overwritten in place, so that header, order, shapes and dtypes stay byte for byte what they were; weights
// of another format are written as safetensors first. A conversion writes all weights itself.

import { type FileHandle, mkdir, open, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { OutputError } from '../errors.js';
import { quoted, shapeText, tensorAt } from '../quoted.js';
import type { Checkpoint, TensorInfo } from './checkpoint.js';
import { copyFolder } from './copy-folder.js';
import { asOutputError } from './disk-errors.js';
import { assertFloatDtype, encodeFinite } from './float-dtype.js';
import { leftOut } from './left-out.js';
import { makeFolder } from './make-folder.js';
import { mayReplace, outputPlace } from './output-place.js';
import { randomName } from './random-name.js';
import { denseConfig } from './sparse/write-config.js';
import { sizeOf } from './stored-dtype.js';
import { defaultShardBytes, writeAt, writeSafetensors } from './write-safetensors.js';

export interface OutputOptions {
  /** Replace a model folder that already stands there. */
  force?: boolean;
  /** Most bytes of tensors in a file, where the source is not safetensors and new files are laid out: 5·10^9. */
  shardBytes?: number;
  /**
   * The folder is to hold the same model in another form: its run record comes along, its weights do not, and `writeWeights`
   * must write them.
   */
  conversion?: boolean;
  signal?: AbortSignal | undefined;
}

export class OutputFolder {
  private readonly handles = new Map<string, Promise<FileHandle>>();
  private readonly written = new Set<string>();
  /** Of tensors that are written anew; undefined where they keep their places. */
  private places: ReadonlyMap<string, TensorInfo> | undefined;
  /** Topmost parent folder that was made for it. */
  private madeParent: string | undefined;
  private finished = false;

  private constructor(
    private readonly source: Checkpoint,
    /** The folder that `commit` makes, as a real path. */
    readonly path: string,
    /** Where it is written until then. */
    readonly partial: string,
    private readonly options: OutputOptions,
  ) {}

  /** The real path of `out`. Throws an OutputError if it is not a place to write at; writes nothing. */
  static async check(source: Checkpoint, out: string, force = false): Promise<string> {
    try {
      const path = await outputPlace(source, out);
      await mayReplace(path, force);
      return path;
    } catch (error) {
      throw asOutputError(error, resolve(out), roomFor(source));
    }
  }

  /**
   * Starts a copy of the folder of `source` that will appear at `out`. Throws an OutputError, leaving nothing behind, if
   * `out` is not a place to write at or the copy fails; an abort rejects with the signal's reason.
   */
  static async create(source: Checkpoint, out: string, options: OutputOptions = {}): Promise<OutputFolder> {
    let output: OutputFolder | undefined;
    try {
      options.signal?.throwIfAborted();
      const path = await OutputFolder.check(source, out, options.force);
      const partial = join(dirname(path), `.${basename(path)}.${randomName(6)}.partial`);
      output = new OutputFolder(source, path, partial, options);
      await output.begin();
      return output;
    } catch (error) {
      await output?.discard();
      throw asOutputError(error, resolve(out), roomFor(source));
    }
  }

  /**
   * Overwrites one tensor of the copy, in its stored dtype. Throws a CheckpointError if there is no such tensor or it is
   * not a float tensor, an OutputError if the values have another count, do not fit its dtype, or cannot be written.
   */
  async writeTensor(name: string, values: Float32Array): Promise<void> {
    this.assertOpen();
    const { dtype, shape, file, begin } = this.places?.get(name) ?? this.source.info(name);
    const where = tensorAt(join(this.path, file), name);
    const count = sizeOf(shape);
    if (values.length !== count)
      throw new OutputError({ expected: `${count} values of ${shapeText(shape)}`, got: `${values.length}`, where });
    assertFloatDtype(dtype, where);
    const bytes = encodeFinite(values, dtype, where);
    await this.guarded(async () => {
      await writeAt(await this.handle(file), bytes, begin, this.options.signal);
    });
  }

  /** Writes a small file, such as the run record, at the top of the folder. */
  async writeFile(name: string, content: string | Uint8Array): Promise<void> {
    this.assertOpen();
    if (!/^[^/\\:\0]+$/.test(name) || name === '.' || name === '..')
      throw new OutputError({ expected: 'a plain file name', got: quoted(name), where: this.path });
    const path = join(this.partial, name);
    await this.guarded(() => writeFile(path, content));
    this.written.add(path);
  }

  /** Writes the weights of a conversion: `write` makes the files in the folder it is given, and returns their paths. */
  async writeWeights(write: (folder: string) => Promise<string[]>): Promise<void> {
    this.assertOpen();
    await this.guarded(async () => {
      for (const file of await write(this.partial)) this.written.add(file);
    });
  }

  /** Brings everything written so far to the disk. */
  async flush(): Promise<void> {
    await this.guarded(async () => {
      await this.closeHandles();
      for (const file of this.written) await sync(file, 'r+');
    });
  }

  /**
   * Makes the folder appear under its name, once everything in it is on the disk. Throws an OutputError if that fails;
   * what stood there before is then still there.
   */
  async commit(): Promise<void> {
    this.assertOpen();
    try {
      await this.closeHandles();
      for (const file of this.written) await sync(file, 'r+');
      this.options.signal?.throwIfAborted();
      // Asked again: hours may have passed since the beginning.
      if (await mayReplace(this.path, this.options.force ?? false)) await this.replace();
      else await rename(this.partial, this.path);
      this.finished = true;
    } catch (error) {
      await this.discard();
      throw asOutputError(error, this.path, roomFor(this.source));
    }
    // The name itself reaches the disk with its parent; not every system can do that, and the files are safe.
    await sync(dirname(this.path), 'r').catch(() => {});
  }

  /** Removes everything that was written; does nothing after `commit` or a second time. */
  async discard(): Promise<void> {
    if (this.finished) return;
    this.finished = true;
    await this.closeHandles().catch(() => {});
    await rm(this.partial, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
    if (this.madeParent === undefined) return;
    // Only empty folders go, from the innermost to the topmost that was made.
    for (let folder = dirname(this.path); ; folder = dirname(folder)) {
      const gone = await rmdir(folder).then(
        () => true,
        () => false,
      );
      if (!gone || folder === this.madeParent) return;
    }
  }

  /** Makes the folder, copies what is to be in it, and writes the weights where they are not safetensors. */
  private async begin(): Promise<void> {
    const { source, partial, options } = this;
    await makeFolder(dirname(partial), (folder) => {
      this.madeParent ??= folder;
    });
    await mkdir(partial);
    const { conversion = false } = options;
    const without = (name: string, isFolder: boolean) => leftOut(source, name, isFolder, conversion);
    for (const copy of await copyFolder(source.folder, partial, without, options.signal)) this.written.add(copy);
    if (source.format === 'sparse') await this.writeFile('config.json', await denseConfig(source.folder));
    if (conversion || source.format === 'safetensors') return;
    const { files, places } = await writeSafetensors(
      source,
      partial,
      options.shardBytes ?? defaultShardBytes,
      options.signal,
    );
    for (const file of files) this.written.add(file);
    this.places = places;
  }

  /** Moves the old folder aside, the new one in, and then removes the old; if the second step fails it undoes the first. */
  private async replace(): Promise<void> {
    const old = this.partial.replace(/\.partial$/, '.old');
    await rename(this.path, old);
    try {
      await rename(this.partial, this.path);
    } catch (error) {
      await rename(old, this.path);
      throw error;
    }
    this.finished = true;
    await rm(old, { recursive: true, force: true, maxRetries: 3 }).catch((cause: Error) => {
      const got = `${cause.message}; the new model is in place, remove the old one yourself`;
      throw new OutputError({ expected: 'to remove the folder that was replaced', got, where: old, cause });
    });
  }

  private handle(file: string): Promise<FileHandle> {
    const handle = this.handles.get(file) ?? open(join(this.partial, file), 'r+');
    this.handles.set(file, handle);
    return handle;
  }

  private async closeHandles(): Promise<void> {
    const handles = [...this.handles.values()];
    this.handles.clear();
    await Promise.all(handles.map(async (handle) => (await handle).close()));
  }

  private async guarded(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      throw asOutputError(error, this.path, roomFor(this.source));
    }
  }

  private assertOpen(): void {
    if (this.finished)
      throw new OutputError({
        expected: 'an output folder being written',
        got: 'one already finished',
        where: this.path,
      });
  }
}

/** Bytes that a copy may take: of a sparse folder it is dense. */
const roomFor = ({ bytes, tensorBytes }: Checkpoint) => Math.max(bytes, tensorBytes);

async function sync(path: string, flags: 'r' | 'r+'): Promise<void> {
  const handle = await open(path, flags);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
