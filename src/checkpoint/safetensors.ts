// Reads a safetensors file one tensor at a time, by byte range: no more than one tensor is ever in memory.
// The header is validated once, at opening.

import { type FileHandle, open, stat } from 'node:fs/promises';
import { CheckpointError } from '../errors.js';
import { quoted, tensorAt } from '../quoted.js';
import { isSystemError } from './disk-errors.js';
import { assertFloatDtype, decodeFloats, firstNonFinite } from './float-dtype.js';
import { parseHeader, type SafetensorsHeader, type TensorEntry } from './safetensors-header.js';

export { encodeFloats } from './float-dtype.js';
export type { StoredDtype, TensorEntry } from './safetensors-header.js';

/** The format's own limit. */
const maxHeaderBytes = 100_000_000;
/** One read system call; between two the signal is looked at. */
const chunkBytes = 64 * 1024 * 1024;

/** An open safetensors file. */
export class SafetensorsFile {
  /** In header order; offsets count from the start of the file. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;

  constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    header: SafetensorsHeader,
    /** Bytes before the data: the length field (8) and the JSON with its padding. */
    readonly headerBytes: number,
    readonly fileBytes: number,
  ) {
    this.tensors = header.tensors;
    this.metadata = header.metadata;
  }

  /** The raw bytes of one tensor, in memory of their own. Throws a CheckpointError if there is no such tensor. */
  async read(name: string, signal?: AbortSignal): Promise<ArrayBuffer> {
    const { begin, end } = this.entry(name);
    return readRange(this.handle, begin, end, tensorAt(this.path, name), signal);
  }

  /**
   * One tensor's values, row-major, as f32.
   * Throws a CheckpointError if it is missing, stored as anything but F32, F16 or BF16, or holds NaN or Infinity.
   */
  async readFloats(name: string, signal?: AbortSignal): Promise<Float32Array> {
    const { dtype } = this.entry(name);
    const where = tensorAt(this.path, name);
    assertFloatDtype(dtype, where);
    const values = decodeFloats(await this.read(name, signal), dtype);
    const bad = firstNonFinite(values);
    if (bad >= 0)
      throw new CheckpointError({ expected: 'finite weights', got: `${values[bad]} at index ${bad}`, where });
    return values;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  private entry(name: string): TensorEntry {
    const entry = this.tensors.get(name);
    if (entry) return entry;
    const got = `none of that name among ${this.tensors.size}`;
    throw new CheckpointError({ expected: `tensor ${quoted(name)}`, got, where: this.path });
  }
}

/** Opens a safetensors file and validates its header. Throws a CheckpointError if it is missing or malformed. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let handle: FileHandle | undefined;
  try {
    // Looked at before it is opened: opening a named pipe would wait for ever.
    if (!(await stat(path)).isFile())
      throw new CheckpointError({ expected: 'a safetensors file', got: 'something that is not a file', where: path });
    handle = await open(path, 'r');
    return await readHeader(path, handle);
  } catch (error) {
    await handle?.close();
    if (!isSystemError(error)) throw error;
    const got = error.code === 'ENOENT' ? 'no such file' : error.message;
    throw new CheckpointError({ expected: 'a readable safetensors file', got, where: path, cause: error });
  }
}

async function readHeader(path: string, handle: FileHandle): Promise<SafetensorsFile> {
  const fail = (expected: string, got: string) => new CheckpointError({ expected, got, where: path });
  const { size } = await handle.stat();
  if (size < 10) throw fail('a safetensors file, which has at least 10 bytes', `${size} bytes`);
  const prefix = Buffer.from(await readRange(handle, 0, Math.min(size, 23), path));
  if (prefix.toString('latin1').startsWith('version https://git-lfs'))
    throw fail('a safetensors file', 'a Git LFS pointer; run "git lfs pull" in the folder, or download the file again');
  const length = prefix.readBigUInt64LE(0);
  if (length > BigInt(maxHeaderBytes)) throw fail(`a header of at most ${maxHeaderBytes} bytes`, `${length} bytes`);
  const dataBegin = 8 + Number(length);
  if (dataBegin > size)
    throw fail(
      `a header of ${length} bytes, as its first 8 bytes say; download the file again`,
      `a file of ${size} bytes`,
    );
  const bytes = new Uint8Array(await readRange(handle, 8, dataBegin, path));
  if (bytes[0] !== 0x7b) throw fail('a header that begins with {', bytes.length ? `byte ${bytes[0]}` : 'no header');
  let json: string;
  try {
    json = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CheckpointError({ expected: 'a header in UTF-8', got: 'bytes that are not', where: path, cause });
  }
  return new SafetensorsFile(path, handle, parseHeader(json, path, dataBegin, size), dataBegin, size);
}

async function readRange(
  handle: FileHandle,
  begin: number,
  end: number,
  where: string,
  signal?: AbortSignal,
): Promise<ArrayBuffer> {
  signal?.throwIfAborted();
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(new ArrayBuffer(end - begin));
  } catch (cause) {
    const expected = `memory for one tensor of ${end - begin} bytes`;
    throw new CheckpointError({ expected, got: 'too little', where, cause });
  }
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(chunkBytes, bytes.length - done);
    const { bytesRead } = await handle.read(bytes, done, length, begin + done).catch((cause: unknown) => {
      throw new CheckpointError({ expected: 'a readable file', got: (cause as Error).message, where, cause });
    });
    if (bytesRead === 0)
      throw new CheckpointError({
        expected: `data up to byte ${end}`,
        got: `a file that ends at ${begin + done}`,
        where,
      });
    done += bytesRead;
    signal?.throwIfAborted();
  }
  return bytes.buffer;
}
