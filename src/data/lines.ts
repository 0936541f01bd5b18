// The lines of a file as they come, unpacked where it is gzip: those of one piece of the file at a time, as bytes, since
// most callers want few of them as text.

import { DataError } from '../errors.js';
import { type ContentOptions, contentOf } from './content.js';
import { textOf } from './text-file.js';

/** Bytes of one line: more than any document has; a file without line ends must not fill the memory. */
export const mostLineBytes = 1 << 26;

export interface Line {
  /** From 1. */
  number: number;
  /** Of its first byte in the unpacked content. */
  offset: number;
  /** Without the "\n". */
  bytes: Buffer;
}

/**
 * All lines that are not empty, in batches.
 * @throws DataError for a line that is too long, and whatever `contentOf` throws
 */
export async function* linesOf(path: string, options: ContentOptions = {}): AsyncGenerator<Line[]> {
  let number = 1;
  let offset = 0;
  let rest: Buffer[] = [];
  let restLength = 0;
  const check = (length: number) => {
    if (length > mostLineBytes)
      throw new DataError({
        expected: `lines of at most ${mostLineBytes} bytes`,
        got: 'a longer one',
        where: `${path}, line ${number}`,
      });
  };
  for await (const piece of contentOf(path, options)) {
    const lines: Line[] = [];
    let begin = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, begin)) {
      if (end === begin && rest.length === 0) {
        number++;
        offset++;
        begin++;
        continue;
      }
      let bytes = piece.subarray(begin, end);
      if (rest.length > 0) {
        bytes = Buffer.concat([...rest, bytes]);
        rest = [];
        restLength = 0;
      }
      check(bytes.length);
      lines.push({ number: number++, offset, bytes });
      offset += bytes.length + 1;
      begin = end + 1;
    }
    if (begin < piece.length) {
      rest.push(piece.subarray(begin));
      restLength += piece.length - begin;
      check(restLength);
    }
    if (lines.length > 0) yield lines;
  }
  if (restLength > 0) yield [{ number, offset, bytes: Buffer.concat(rest) }];
}

/** Whether there is nothing but white space of ASCII. */
export function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 32 && (byte < 9 || byte > 13)) return false;
  return true;
}

/** A line as text, without a "\r" at its end. */
export function lineText({ bytes, number }: Line, path: string): string {
  const text = textOf(bytes, `${path}, line ${number}`);
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}
