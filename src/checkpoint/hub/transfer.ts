// Brings one file whole onto the disk: goes on where an earlier attempt broke off, never takes more than was announced,
// and holds the result against its hash.

import { constants } from 'node:fs';
import { type FileHandle, lstat, open, rm } from 'node:fs/promises';
import type { NeuroalError } from '../../errors.js';
import { hashOf } from './content.js';
import type { HubEnvironment } from './environment.js';
import { failureOf, NoAnswer } from './failures.js';
import { IdleSignal } from './idle-signal.js';
import type { RepoType } from './repository.js';
import { body, discard, send } from './request.js';
import { Retries } from './retries.js';

export interface Transfer {
  type: RepoType;
  url: URL;
  /** For messages. */
  name: string;
  etag: string;
  /** Bytes of the file, where the server says so. */
  size: number | undefined;
  /** Most bytes to take where it does not. */
  limit: number;
}

export interface TransferOptions {
  environment: HubEnvironment;
  signal?: AbortSignal | undefined;
  /** Bytes that came, or (negative) that have to come again. */
  onBytes?: (bytes: number) => void;
}

/** New bytes after which a broken connection counts as progress. */
const progressBytes = 1 << 20;

/**
 * Leaves the whole file at `partial`, which may hold its beginning. What is there stays when the transfer breaks off or
 * is aborted, and goes when it turns out wrong.
 */
export async function transfer(file: Transfer, partial: string, options: TransferOptions): Promise<void> {
  let { leftOver } = await fill(file, partial, options);
  for (;;) {
    const hash = await hashOf(partial, file.etag, options.signal);
    if (hash === undefined || hash === file.etag.toLowerCase()) return;
    const { size } = await lstat(partial);
    await rm(partial, { force: true });
    if (!leftOver) throw refused(file, `a file with the hash ${file.etag}`, hash);
    // The beginning lay on the disk before, perhaps since a crash: it is taken once more, all of it.
    options.onBytes?.(-size);
    ({ leftOver } = await fill(file, partial, options));
  }
}

/** Takes pieces until the file has its size. */
async function fill(file: Transfer, partial: string, options: TransferOptions): Promise<{ leftOver: boolean }> {
  const retries = new Retries(options.environment, options.signal, { patient: true });
  let have = await beginning(file, partial);
  const leftOver = have > 0;
  options.onBytes?.(have);
  let best = have;
  while (have === 0 || have !== file.size) {
    const piece = { from: have };
    try {
      if (await take(file, partial, piece, options)) return { leftOver };
    } catch (error) {
      if (piece.from >= best + progressBytes) {
        retries.reset();
        best = piece.from;
      }
      await retries.next(error);
    }
    have = piece.from;
  }
  return { leftOver };
}

/** Bytes of an earlier attempt that can be gone on from. */
async function beginning({ size }: Transfer, partial: string): Promise<number> {
  const found = await lstat(partial).catch(() => undefined);
  if (!found) return 0;
  if (found.isFile() && size !== undefined && found.size <= size) return found.size;
  await rm(partial, { recursive: true, force: true });
  return 0;
}

/** One request; `piece.from` moves on with every byte on the disk. Returns true where the file is then whole. */
async function take(
  file: Transfer,
  partial: string,
  piece: { from: number },
  { environment, signal, onBytes }: TransferOptions,
): Promise<boolean> {
  const idle = new IdleSignal(environment.downloadTimeout, signal);
  let handle: FileHandle | undefined;
  try {
    const headers: Record<string, string> = piece.from > 0 ? { range: `bytes=${piece.from}-` } : {};
    const response = await send('GET', file.url, { environment, signal: idle.signal, headers, accept: [416] });
    const begin = async () => {
      onBytes?.(-piece.from);
      piece.from = 0;
      await rm(partial, { force: true });
    };
    if (response.status === 416 || (response.status === 206 && !continues(response, piece.from, file.size))) {
      await discard(response);
      await begin();
      throw new NoAnswer('another piece than the one asked for');
    }
    if (response.status !== 206 && piece.from > 0) await begin();
    const announced = lengthOf(response);
    if (response.status !== 206 && announced !== undefined && file.size !== undefined && announced !== file.size) {
      await discard(response);
      throw refused(file, `${file.size} bytes, as announced`, String(announced));
    }
    handle = await open(partial, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0));
    const most = file.size ?? file.limit;
    for await (const bytes of body(response, idle.signal)) {
      if (piece.from + bytes.length > most) {
        await rm(partial, { force: true });
        throw refused(file, `at most ${most} bytes`, 'more');
      }
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, piece.from);
        done += bytesWritten;
        piece.from += bytesWritten;
      }
      onBytes?.(bytes.length);
      idle.alive();
    }
    if (file.size !== undefined && piece.from < file.size)
      throw new NoAnswer(`${piece.from} of ${file.size} bytes`, 'ECONNRESET');
    await handle.datasync();
    return true;
  } finally {
    idle.end();
    await handle?.close();
  }
}

/** Whether a part of a file begins where it was asked to, and is of the file that was announced. */
function continues(response: Response, from: number, size: number | undefined): boolean {
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
  return (
    !isEncoded(response) &&
    range !== null &&
    from > 0 &&
    Number(range[1]) === from &&
    (range[2] === '*' || Number(range[2]) === size)
  );
}

/** Bytes of the file that an answer announces; undefined where it does not say, or has packed them. */
export function lengthOf(response: Response): number | undefined {
  const text = response.headers.get('content-length');
  return !isEncoded(response) && text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

const isEncoded = (response: Response) => !/^(identity)?$/i.test(response.headers.get('content-encoding') ?? '');

const refused = ({ type, name }: Transfer, expected: string, got: string): NeuroalError =>
  new (failureOf(type))({ expected, got, where: name });
