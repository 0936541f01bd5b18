// What a caller may give as the content of a file: bytes in memory, a Blob, the answer of a server, a stream, a promise of one
// of them, or a function that makes one.

import { CheckpointError } from '../errors.js';
import { unlessAborted } from '../progress.js';
import { quoted } from '../quoted.js';
import type { ByteFile } from './byte-file.js';
import type { Reading } from './folder.js';
import { StreamFile } from './stream-file.js';

/** Bytes in any of these forms. An answer or a stream is read once. */
export type Content = ArrayBuffer | Uint8Array | Blob | Response | ReadableStream<Uint8Array>;

/** A content, or what makes one: a function is called each time the file is opened. */
export type FileContent = Content | Promise<Content> | (() => Content | Promise<Content>);

const fail = (expected: string, got: string, where: string, cause?: unknown) =>
  new CheckpointError({ expected, got, where, cause });

/** The content itself. @throws CheckpointError for anything else, or where the promise fails */
export async function contentOf(given: FileContent, path: string, signal?: AbortSignal): Promise<Content> {
  signal?.throwIfAborted();
  let content: unknown;
  const coming = Promise.resolve(typeof given === 'function' ? called(given) : given);
  try {
    content = await unlessAborted(coming, signal);
  } catch (cause) {
    if (signal?.aborted) coming.then(letGo, () => {});
    signal?.throwIfAborted();
    throw fail('the content of a file', cause instanceof Error ? cause.message : String(cause), path, cause);
  }
  if (isContent(content)) return content;
  throw fail('an ArrayBuffer, a Uint8Array, a Blob, a Response or a ReadableStream', kindOf(content), path);
}

/** What a function gives, also where it throws at once. */
const called = async (make: () => Content | Promise<Content>) => make();

const isContent = (x: unknown): x is Content =>
  x instanceof ArrayBuffer || x instanceof Uint8Array || isBlob(x) || isResponse(x) || isStream(x);

// By what they can do: a page and its workers, and Node and its libraries, may have several classes of one name.
const can = (x: unknown, method: string) =>
  typeof x === 'object' && x !== null && typeof (x as Record<string, unknown>)[method] === 'function';
const isBlob = (x: unknown): x is Blob => can(x, 'slice') && can(x, 'arrayBuffer') && can(x, 'stream');
const isResponse = (x: unknown): x is Response => can(x, 'arrayBuffer') && can(x, 'json') && 'ok' in (x as object);
const isStream = (x: unknown): x is ReadableStream<Uint8Array> => can(x, 'getReader');

const kindOf = (x: unknown) => (typeof x === 'object' && x !== null ? (x.constructor?.name ?? 'an object') : quoted(x));

/** Cancels what of a content has not been read; a stream that somebody reads is left alone. */
export function letGo(content: Content): void {
  const stream = isResponse(content) ? content.body : isStream(content) ? content : null;
  if (stream && !stream.locked) stream.cancel().catch(() => {});
}

/** The stream of an answer or a stream, null for other contents. @throws CheckpointError where it cannot be read */
function streamOf(content: Content, path: string): ReadableStream<Uint8Array> | null {
  if (isResponse(content)) {
    const { ok, status, statusText, body, bodyUsed } = content;
    if (!ok) {
      letGo(content);
      throw fail('an answer with the file', `${status} ${statusText}`.trim(), path);
    }
    if (bodyUsed || body?.locked) throw fail('an answer whose body has not been read', 'one that was', path);
    return body ?? new Blob([]).stream();
  }
  if (!isStream(content)) return null;
  if (content.locked) throw fail('a stream that has not been read', 'one that is read or was', path);
  return content;
}

/**
 * A file of weights with that content, open.
 * @param again for an answer or a stream: asks for it once more
 */
export function openContent(
  content: Content,
  path: string,
  again?: (signal?: AbortSignal) => Promise<Content>,
): ByteFile {
  let first = streamOf(content, path);
  if (!first) return isBlob(content) ? new BlobFile(content, path) : new MemoryFile(bytesOf(content), path);
  const open = async (signal?: AbortSignal) => {
    const stream = first ?? (again && streamOf(await again(signal), path));
    first = null;
    if (stream) return stream;
    throw fail('a stream, as before', 'another content', path);
  };
  return new StreamFile(path, open, again !== undefined);
}

const bytesOf = (content: Content) =>
  content instanceof Uint8Array ? content : new Uint8Array(content as ArrayBuffer);

/** All bytes of a small file. */
export async function readContent(content: Content, path: string, how: Reading): Promise<Uint8Array> {
  const { kind, mostBytes, Failure, signal } = how;
  const refuse = (got: string): never => {
    throw new Failure({ expected: `a ${kind} of at most ${mostBytes} bytes`, got, where: path });
  };
  const stream = streamOf(content, path);
  if (stream) {
    const file = new StreamFile(path, async () => stream);
    try {
      return (await file.readAll(mostBytes, signal)) ?? refuse('more');
    } finally {
      await file.close();
    }
  }
  const size = isBlob(content) ? content.size : (content as ArrayBuffer).byteLength;
  if (size > mostBytes) refuse(`${size} bytes`);
  if (!isBlob(content)) return bytesOf(content);
  const bytes = new Uint8Array(size);
  await new BlobFile(content, path).fill(0, bytes, path, signal);
  return bytes;
}

/** What files have in common that can be read in any order. */
abstract class AnyOrder {
  readonly onePass = false;
  abstract readonly bytes: number;
  abstract readonly path: string;

  protected check(begin: number, length: number, where: string, signal?: AbortSignal): void {
    signal?.throwIfAborted();
    if (begin + length > this.bytes)
      throw fail(`data up to byte ${begin + length}`, `a file that ends at ${this.bytes}`, where);
  }

  async close(): Promise<void> {}
}

class MemoryFile extends AnyOrder implements ByteFile {
  constructor(
    private readonly content: Uint8Array,
    readonly path: string,
  ) {
    super();
  }

  get bytes(): number {
    return this.content.length;
  }

  async fill(begin: number, into: Uint8Array, where: string, signal?: AbortSignal): Promise<void> {
    this.check(begin, into.length, where, signal);
    into.set(this.content.subarray(begin, begin + into.length));
  }
}

class BlobFile extends AnyOrder implements ByteFile {
  constructor(
    private readonly content: Blob,
    readonly path: string,
  ) {
    super();
  }

  get bytes(): number {
    return this.content.size;
  }

  async fill(begin: number, into: Uint8Array, where: string, signal?: AbortSignal): Promise<void> {
    this.check(begin, into.length, where, signal);
    const part = await this.content
      .slice(begin, begin + into.length)
      .arrayBuffer()
      .catch((cause: Error) => {
        throw fail('a Blob that can be read', cause.message, where, cause);
      });
    signal?.throwIfAborted();
    into.set(new Uint8Array(part));
  }
}
