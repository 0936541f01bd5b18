// Node's own modules for code that also runs where there is no Node: asked for when they are used, not imported, so that a
// bundle for a browser has no import that leads nowhere. Three more are asked for in this way because they take megabytes and
// milliseconds, and most runs need none of them.

import { UsageError } from './errors.js';

/** Whether this is Node, or something that has its modules. */
export const hasNode = (): boolean => typeof globalThis.process?.getBuiltinModule === 'function';

/** @throws UsageError where there is no Node */
function builtin<T>(name: string): T {
  if (!hasNode()) throw new UsageError('expected files, or a URL (http, https), got a path, which only Node can read');
  return process.getBuiltinModule(name) as T;
}

export const nodeFiles = () => builtin<typeof import('node:fs/promises')>('node:fs/promises');
export const nodeFilesSync = () => builtin<typeof import('node:fs')>('node:fs');
export const nodeSystem = () => builtin<typeof import('node:os')>('node:os');
export const nodePath = () => builtin<typeof import('node:path')>('node:path');
export const nodeUrl = () => builtin<typeof import('node:url')>('node:url');
export const nodeThreads = () => builtin<typeof import('node:worker_threads')>('node:worker_threads');

export const nodeCrypto = () => builtin<typeof import('node:crypto')>('node:crypto');
export const nodeV8 = () => builtin<typeof import('node:v8')>('node:v8');
export const nodeZlib = () => builtin<typeof import('node:zlib')>('node:zlib');
