// A Hugging Face model folder, open for reading: its config, and its tensors by name whichever shard they lie in. Of a sparse
// folder it shows the dense model: weights that lie there in parts are tensors like all others.

import { CheckpointError } from '../errors.js';
import { quoted, shapeText, tensorAt } from '../quoted.js';
import { type ConfigReader, readConfig } from './config.js';
import { checkFinite, finiteFloats } from './float-dtype.js';
import type { Folder } from './folder.js';
import { closeAll, type Format, openShards, safetensors } from './shards.js';
import { denseReader, isSparse } from './sparse/config.js';
import { type FoundParts, findParts } from './sparse/find-parts.js';
import { isMasked, type MaskedWeight, readMasked } from './sparse/masked-weight.js';
import type { PartMemory, SparseTensor } from './sparse/sparse-tensor.js';
import { sizeOf, valueBytes } from './stored-dtype.js';
import type { TensorEntry, WeightFile } from './weight-file.js';

/** Where a tensor lies: `file` is the shard's name inside the folder. */
export interface TensorInfo extends TensorEntry {
  file: string;
  /** Of a weight that lies there in parts: how. `begin` and `end` are then those of its values. */
  sparse?: SparseTensor;
}

export class Checkpoint {
  /** Weight files in order, as names inside the folder. */
  readonly files: readonly string[];
  /** Bytes of all weight files. */
  readonly bytes: number;
  private readonly infos = new Map<string, TensorInfo>();

  constructor(
    /** Its files. */
    readonly place: Folder,
    readonly config: ConfigReader,
    private readonly shards: ReadonlyMap<string, WeightFile>,
    /** The parts of weights; null where all tensors are stored as they are. */
    private readonly parts: FoundParts | null,
    /** What the model is, for records: the folder, or `org/name@commit` on the hub. */
    readonly source: string = place.name,
  ) {
    this.files = [...shards.keys()];
    this.bytes = [...shards.values()].reduce((sum, shard) => sum + shard.fileBytes, 0);
    for (const [file, shard] of shards)
      for (const [name, entry] of shard.tensors) {
        const owner = parts?.owners.get(name);
        if (!parts || owner === undefined) this.infos.set(name, { ...entry, file });
        else if (name.endsWith('.compressed')) this.infos.set(owner, { ...entry, ...denseEntry(parts, owner), file });
      }
  }

  /** What messages call the place of its files: a folder. */
  get folder(): string {
    return this.place.name;
  }

  /** Whether its tensors must be read in the order of `placeOf`, each once, and let go. */
  get onePass(): boolean {
    return [...this.shards.values()].some((shard) => shard.onePass);
  }

  /** Bytes of all tensors as they are read, which of a sparse folder is more than its files have. */
  get tensorBytes(): number {
    return [...this.infos.values()].reduce((sum, { dtype, shape }) => sum + valueBytes[dtype] * sizeOf(shape), 0);
  }

  /** Of the weight files. */
  get format(): WeightFile['format'] | 'sparse' {
    return this.parts ? 'sparse' : [...this.shards.values()][0].format;
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
    const where = this.#checkShape(name, expectedShape);
    const { file, sparse } = this.info(name);
    if (sparse) return finiteFloats(await sparse.read(signal), sparse.dtype, where);
    return this.shard(file).readFloats(name, signal);
  }

  /** Whether the rows of a matrix can be read one by one: it lies in one piece, in order, as f32, bf16 or f16. */
  hasRows(name: string): boolean {
    const { dtype, sparse, strides } = this.info(name);
    return !sparse && !strides && (dtype === 'F32' || dtype === 'BF16' || dtype === 'F16');
  }

  /**
   * Rows [first, end) of a matrix that has them (`hasRows`): numbers of F32, of BF16 and F16 the patterns that they are stored
   * as. Throws a CheckpointError if it is of another shape than `expectedShape`, or not finite.
   * @param memory of at least so many bytes, for what is returned
   * @param checked whether they are looked at; who says no calls `checkRows`, or finds out in another way
   */
  async readRows(
    name: string,
    expectedShape: readonly number[],
    first: number,
    end: number,
    memory: (bytes: number) => ArrayBuffer,
    signal?: AbortSignal,
    checked = true,
  ): Promise<Float32Array | Uint16Array> {
    const where = this.#checkShape(name, expectedShape);
    const { dtype, file } = this.info(name);
    const [from, length] = [first * expectedShape[1], (end - first) * expectedShape[1]];
    const width = valueBytes[dtype];
    const into = new Uint8Array(memory(length * width), 0, length * width);
    await this.shard(file).readInto(name, from * width, into, signal);
    const values = dtype === 'F32' ? new Float32Array(into.buffer, 0, length) : new Uint16Array(into.buffer, 0, length);
    if (checked) checkFinite(values, dtype as 'F32' | 'BF16' | 'F16', from, where);
    return values;
  }

  /**
   * Throws a CheckpointError where one of the numbers of a matrix, as `readRows` gives them, is not finite.
   * @param from index of the first of them in the matrix
   */
  checkRows(name: string, values: Float32Array | Uint16Array, from: number): void {
    const { dtype, file } = this.info(name);
    checkFinite(values, dtype as 'F32' | 'BF16' | 'F16', from, tensorAt(this.place.pathOf(file), name));
  }

  /** Whether a matrix lies in parts that can be read as they are: its values are F32, BF16, F16 or int8. */
  hasMask(name: string): boolean {
    const { sparse } = this.info(name);
    return sparse !== undefined && isMasked(sparse.shape.dtype);
  }

  /**
   * Mask and values of a matrix that has them (`hasMask`). Throws a CheckpointError if it is of another shape than
   * `expectedShape`, not finite, or if its parts contradict each other.
   * @param memory what is returned lies there
   */
  async readMasked(
    name: string,
    expectedShape: readonly number[],
    memory: PartMemory,
    signal?: AbortSignal,
  ): Promise<MaskedWeight> {
    const where = this.#checkShape(name, expectedShape);
    return readMasked(this.info(name).sparse as SparseTensor, memory, where, signal);
  }

  /** Fails where a tensor has another shape; returns what errors about it say. */
  #checkShape(name: string, expectedShape: readonly number[]): string {
    const { shape, file } = this.info(name);
    const where = tensorAt(this.place.pathOf(file), name);
    if (shape.length !== expectedShape.length || shape.some((length, i) => length !== expectedShape[i]))
      throw new CheckpointError({
        expected: `shape ${shapeText(expectedShape)}, which config.json implies`,
        got: shapeText(shape),
        where,
      });
    return where;
  }

  /** A tensor's bytes, row-major, in its stored dtype. Throws a CheckpointError if it is missing. */
  async read(name: string, signal?: AbortSignal): Promise<ArrayBuffer> {
    const { file, sparse } = this.info(name);
    return sparse ? sparse.read(signal) : this.shard(file).read(name, signal);
  }

  /** Where a tensor, or the last of its parts, ends: which of the files, and the byte behind it there. */
  placeOf(name: string): [file: number, end: number] {
    const { file, end, sparse } = this.info(name);
    if (!sparse) return [this.files.indexOf(file), end];
    const paths = [...this.shards.values()].map(({ path }) => path);
    return sparse.places
      .map(({ file, name }): [number, number] => [paths.indexOf(file.path), file.tensors.get(name)?.end ?? 0])
      .reduce((last, place) => ((place[0] - last[0] || place[1] - last[1]) > 0 ? place : last));
  }

  /** Asked before any is read, what tells when all are whether two tensors, dense ones, have the same bytes (mark.ts). */
  markOf(name: string): () => Promise<string> {
    return this.shard(this.info(name).file).markOf(name);
  }

  /** Says that a tensor will not be asked for (again). */
  async letGo(name: string, signal?: AbortSignal): Promise<void> {
    const { file, sparse } = this.info(name);
    if (sparse) for (const part of sparse.places) await part.file.letGo(part.name, signal);
    else await this.shard(file).letGo(name, signal);
  }

  /** Fails where a file that goes by once is longer or shorter than its header says. */
  async expectEnds(signal?: AbortSignal): Promise<void> {
    for (const shard of this.shards.values()) await shard.expectEnd(signal);
  }

  async close(): Promise<void> {
    await closeAll(this.shards);
  }

  private shard(file: string): WeightFile {
    return this.shards.get(file) as WeightFile;
  }
}

/**
 * Opens the model whose files are in a folder. Throws a CheckpointError if its weights are missing or malformed, a
 * ConfigError if config.json is.
 * @param formats of weights, the preferred one first
 * @param source what the model is, for records
 */
export async function openModelFiles(
  place: Folder,
  {
    formats = [safetensors],
    source,
    signal,
  }: { formats?: readonly Format[]; source?: string; signal?: AbortSignal | undefined } = {},
): Promise<Checkpoint> {
  const config = await readConfig(place, signal);
  const shards = await openShards(place, formats, signal);
  try {
    if (!isSparse(config)) return new Checkpoint(place, config, shards, null, source);
    return new Checkpoint(place, denseReader(config), shards, await findParts(shards, place.name, signal), source);
  } catch (error) {
    await closeAll(shards);
    throw error;
  }
}

/** What of an entry of values becomes that of their weight. */
function denseEntry({ tensors }: FoundParts, name: string): Pick<TensorInfo, 'dtype' | 'shape' | 'sparse'> {
  const sparse = tensors.get(name) as SparseTensor;
  return { dtype: sparse.dtype, shape: [sparse.shape.rows, sparse.shape.columns], sparse };
}
