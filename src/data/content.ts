// The bytes of a file as they come, unpacked where it is gzip: a shard of C4 has 320 MB packed and 800 MB unpacked, and a
// small file may unpack to anything. Whether it is packed is seen by its first bytes, not by its name.

import { createReadStream } from 'node:fs';
import { DataError } from '../errors.js';
import { nodeZlib } from '../node.js';
import type { LongRunning } from '../progress.js';
import { maxTextBytes, tooLong, unreadable, withFile } from './text-file.js';

/** Bytes of one piece; some caller makes an object of each line in it. */
const pieceBytes = 1 << 18;
/** Far above any shard of text; what unpacks to more was made to. */
const mostUnpacked = 2 ** 36;

/** Whether a file begins as gzip does; no text in UTF-8 does. Its size. */
export function packing(path: string): Promise<{ packed: boolean; size: number }> {
  return withFile(path, async (file, size) => {
    const head = Buffer.alloc(2);
    await file.read(head, 0, 2, 0);
    return { packed: head[0] === 0x1f && head[1] === 0x8b, size };
  });
}

export interface ContentOptions extends LongRunning {
  /** Bytes of the content, unpacked, at most. */
  most?: number | undefined;
}

/**
 * The content of a file, piece by piece; progress is told in bytes of the file.
 * @throws DataError where it cannot be read or unpacked, or has more than `most` bytes
 */
export async function* contentOf(
  path: string,
  { signal, onProgress, most = mostUnpacked }: ContentOptions = {},
): AsyncGenerator<Buffer> {
  const { packed, size } = await packing(path);
  const stream = createReadStream(path, { highWaterMark: pieceBytes });
  let source: AsyncIterable<Buffer> = stream;
  if (packed) {
    const gunzip = nodeZlib().createGunzip({ chunkSize: pieceBytes });
    stream.on('error', (error) => gunzip.destroy(error));
    source = stream.pipe(gunzip);
  }
  let bytes = 0;
  try {
    for await (const piece of source) {
      signal?.throwIfAborted();
      bytes += piece.length;
      if (bytes > most)
        throw new DataError({
          expected: `at most ${most} bytes, unpacked; give a part of the file`,
          got: 'more',
          where: path,
        });
      onProgress?.({ phase: 'read', done: Math.min(stream.bytesRead, size), total: size });
      yield piece;
    }
  } catch (error) {
    if (error instanceof DataError || signal?.aborted) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('Z_')) throw unreadable(error, path);
    throw new DataError({ expected: 'a whole gzip file', got: message, where: path, cause: error });
  } finally {
    stream.destroy();
  }
}

/** All of a file that is to be one string, unpacked; `refusal` says that it has more than `most` bytes. */
export async function wholeContent(
  path: string,
  options: LongRunning = {},
  { most, refusal }: { most: number; refusal: (path: string) => Error } = { most: maxTextBytes, refusal: tooLong },
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of contentOf(path, options)) {
    length += piece.length;
    if (length > most) throw refusal(path);
    pieces.push(piece);
  }
  if (length === 0) throw new DataError({ expected: 'a file with text', got: 'an empty file', where: path });
  return Buffer.concat(pieces);
}
