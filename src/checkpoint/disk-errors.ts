// What the operating system says when a disk is full or a folder is not ours, in words that say what to do.

import { dirname } from 'node:path';
import { OutputError } from '../errors.js';
import { isSystemError } from './system-error.js';

const megabytes = (bytes: number) => `${Math.max(1, Math.ceil(bytes / 1e6))} MB`;

/**
 * An OutputError for a failure of the file system while writing below `folder`; any other error comes back as it is
 * (an abort, an error that already says what is wrong). `bytes` is what the whole result takes.
 */
export function asOutputError(error: unknown, folder: string, bytes: number): unknown {
  if (!isSystemError(error)) return error;
  const parts = (expected: string, got: string) =>
    new OutputError({ expected, got: `${got} (${error.code})`, where: folder, cause: error });
  const room = `room for ${megabytes(bytes)} in ${dirname(folder)}`;
  switch (error.code) {
    case 'ENOSPC':
      return parts(room, 'a full disk');
    case 'EDQUOT':
      return parts(room, 'a used-up disk quota');
    case 'EFBIG':
      return parts(room, 'a limit on the size of a file');
    case 'EROFS':
      return parts('a folder that can be written', 'a read-only file system');
    case 'EACCES':
    case 'EPERM':
      return parts('permission to read the model folder and to write the output folder', 'permission denied');
    case 'ENOTDIR':
      return parts('a path through folders only', 'a file in its place');
    case 'ENOENT':
      return parts('every file of the model folder to be there', error.message);
    case 'EBUSY':
      return parts(
        'an output folder that can be moved; choose a new folder inside it',
        'a mount point or folder in use',
      );
    default:
      return parts('an output folder that can be written', error.message);
  }
}
