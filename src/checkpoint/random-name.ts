// Names that nobody else takes: of files that are still being written, of locks.

import { nodeCrypto } from '../node.js';

/** So many random bytes, in hex. */
export const randomName = (bytes: number): string => nodeCrypto().randomBytes(bytes).toString('hex');
