// What this package's package.json says of it.

import { readFileSync } from 'node:fs';

const { version: own, engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** The version of this package. */
export const version: string = own;

/** [major, minor] of the oldest Node that it runs on. */
export const oldestNode: readonly number[] = engines.node.match(/\d+/g).map(Number);
