// A Hugging Face model folder, open for reading: its config, and its tensors by name whichever shard they lie in.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../errors.js';
import { quoted, shapeText, tensorAt } from '../quoted.js';
import { type ConfigReader, readConfig } from './config.js';
import type { SafetensorsFile, TensorEntry } from './safetensors.js';
import { closeAll, openShards } from './shards.js';

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
    private readonly shards: ReadonlyMap<string, SafetensorsFile>,
  ) {
    this.files = [...shards.keys()];
    this.bytes = [...shards.values()].reduce((sum, shard) => sum + shard.fileBytes, 0);
    for (const [file, shard] of shards)
      for (const [name, entry] of shard.tensors) this.infos.set(name, { ...entry, file });
  }

  /** All tensor names, file after file, each in its header's order. */
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
    return (this.shards.get(file) as SafetensorsFile).readFloats(name, signal);
  }

  async close(): Promise<void> {
    await closeAll(this.shards);
  }
}

/**
 * Opens a Hugging Face model folder. Throws a CheckpointError if the folder or its weights are missing or malformed,
 * a ConfigError if config.json is.
 */
export async function openCheckpoint(folder: string, options: { signal?: AbortSignal } = {}): Promise<Checkpoint> {
  options.signal?.throwIfAborted();
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory())
    throw new CheckpointError({
      expected: 'a Hugging Face model folder with config.json and model.safetensors',
      got: found ? 'a file' : 'no such folder',
      where: folder,
    });
  return new Checkpoint(folder, await readConfig(folder), await openShards(folder));
}
