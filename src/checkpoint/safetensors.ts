// Reads a safetensors file. The header is validated once, at opening; the tensors come by byte range.

import { CheckpointError } from '../errors.js';
import { type ByteFile, readRange } from './byte-file.js';
import { openForReading } from './disk-file.js';
import { parseHeader, type SafetensorsHeader } from './safetensors-header.js';
import { WeightFile } from './weight-file.js';

export { encodeFloats } from './float-dtype.js';
export type { StoredDtype } from './stored-dtype.js';
export type { TensorEntry } from './weight-file.js';

/** The format's own limit. */
const maxHeaderBytes = 100_000_000;

/** An open safetensors file; its tensors are in header order. */
export class SafetensorsFile extends WeightFile {
  readonly format = 'safetensors';
  readonly metadata: ReadonlyMap<string, string>;

  constructor(
    file: ByteFile,
    header: SafetensorsHeader,
    /** Bytes before the data: the length field (8) and the JSON with its padding. */
    readonly headerBytes: number,
    fileBytes: number,
  ) {
    super(file, header.tensors, fileBytes);
    this.metadata = header.metadata;
  }
}

/** Opens a safetensors file and validates its header. Throws a CheckpointError if it is missing or malformed. */
export function openSafetensors(path: string): Promise<SafetensorsFile> {
  return openForReading(path, 'safetensors file', readSafetensors);
}

/** The same of a file that is open. Of one whose size nobody knows it is what the header says. */
export async function readSafetensors(file: ByteFile, signal?: AbortSignal): Promise<SafetensorsFile> {
  const { path, bytes: size } = file;
  const fileBytes = size ?? Number.POSITIVE_INFINITY;
  const fail = (expected: string, got: string) => new CheckpointError({ expected, got, where: path });
  if (fileBytes < 10) throw fail('a safetensors file, which has at least 10 bytes', `${fileBytes} bytes`);
  const first = await readRange(file, 0, 8, path, signal);
  if (new TextDecoder('latin1').decode(first) === 'version ')
    throw fail('a safetensors file', 'a Git LFS pointer; download the file itself');
  const length = new DataView(first).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) throw fail(`a header of at most ${maxHeaderBytes} bytes`, `${length} bytes`);
  const dataBegin = 8 + Number(length);
  if (dataBegin > fileBytes)
    throw fail(
      `a header of ${length} bytes, as its first 8 bytes say; download the file again`,
      `a file of ${fileBytes} bytes`,
    );
  const bytes = new Uint8Array(await readRange(file, 8, dataBegin, path, signal));
  if (bytes[0] !== 0x7b) throw fail('a header that begins with {', bytes.length ? `byte ${bytes[0]}` : 'no header');
  let json: string;
  try {
    json = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CheckpointError({ expected: 'a header in UTF-8', got: 'bytes that are not', where: path, cause });
  }
  const header = parseHeader(json, path, dataBegin, fileBytes);
  const end = [...header.tensors.values()].reduce((most, tensor) => Math.max(most, tensor.end), dataBegin);
  return new SafetensorsFile(file, header, dataBegin, size ?? end);
}
