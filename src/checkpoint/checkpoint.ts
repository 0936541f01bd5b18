// A Hugging Face model folder, open for reading: its config, and its tensors by name whichever shard they lie in.

import { join } from 'node:path';
import { CheckpointError } from '../errors.js';
import type { LongRunning } from '../progress.js';
import { quoted, shapeText, tensorAt } from '../quoted.js';
import { type ConfigReader, readConfig } from './config.js';
import { locateModel } from './hub/resolve.js';
import { closeAll, openShards } from './shards.js';
import type { TensorEntry, WeightFile } from './weight-file.js';

/** Where a tensor lies: `file` is the shard's name inside the folder. */
export interface TensorInfo extends TensorEntry {
  file: string;
}

export class Checkpoint {
  /** Weight files in order, as names inside the folder. */
  readonly files: readonly string[];
  /** Bytes of all weight files. */
  readonly bytes: number;
  private readonly infos = new Map<string, TensorInfo>();

  constructor(
    readonly folder: string,
    readonly config: ConfigReader,
    private readonly shards: ReadonlyMap<string, WeightFile>,
    /** What the model is, for records: the folder, or `org/name@commit` on the hub. */
    readonly source: string = folder,
  ) {
    this.files = [...shards.keys()];
    this.bytes = [...shards.values()].reduce((sum, shard) => sum + shard.fileBytes, 0);
    for (const [file, shard] of shards)
      for (const [name, entry] of shard.tensors) this.infos.set(name, { ...entry, file });
  }

  /** Of the weight files. */
  get format(): WeightFile['format'] {
    return [...this.shards.values()][0].format;
  }

  /** All tensor names, file after file, each in the file's order. */
  names(): string[] {
    return [...this.infos.keys()];
  }

  has(name: string): boolean {
    return this.infos.has(name);
  }

  /** Dtype, shape and place of a tensor. Throws a CheckpointError if it is missing. */
  info(name: string): TensorInfo {
    const info = this.infos.get(name);
    if (info) return info;
    throw new CheckpointError({
      expected: `tensor ${quoted(name)}`,
      got: `none of that name among ${this.infos.size}`,
      where: this.folder,
    });
  }

  /**
   * A tensor's values, row-major, as f32. Throws a CheckpointError if it is missing, of another shape than
   * `expectedShape`, not stored as floats, or not finite.
   */
  async readFloats(name: string, expectedShape: readonly number[], signal?: AbortSignal): Promise<Float32Array> {
    const { shape, file } = this.info(name);
    if (shape.length !== expectedShape.length || shape.some((length, i) => length !== expectedShape[i]))
      throw new CheckpointError({
        expected: `shape ${shapeText(expectedShape)}, which config.json implies`,
        got: shapeText(shape),
        where: tensorAt(join(this.folder, file), name),
      });
    return this.shard(file).readFloats(name, signal);
  }

  /** A tensor's bytes, row-major, in its stored dtype. Throws a CheckpointError if it is missing. */
  async read(name: string, signal?: AbortSignal): Promise<ArrayBuffer> {
    return this.shard(this.info(name).file).read(name, signal);
  }

  async close(): Promise<void> {
    await closeAll(this.shards);
  }

  private shard(file: string): WeightFile {
    return this.shards.get(file) as WeightFile;
  }
}

/**
 * Opens a MODEL: a Hugging Face model folder, or `org/name[@revision]` from the hub. Throws a CheckpointError if it cannot
 * be had or its weights are missing or malformed, a ConfigError if config.json is, an OutputError where the cache of the
 * hub cannot be written.
 */
export async function openCheckpoint(model: string, options: LongRunning = {}): Promise<Checkpoint> {
  const { folder, source } = await locateModel(model, options);
  return new Checkpoint(folder, await readConfig(folder), await openShards(folder), source);
}
