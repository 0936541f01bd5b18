// One process of this package at a time, for the download of a file or the folder of a sweep. Node has no flock, which is
// what Python's locks are, so the lock is a file of its own that exists while it is held, touched now and then by its
// holder. It spares work and no more: files get their names only once they are whole.

import { readlinkSync } from 'node:fs';
import { link, open, readFile, rename, stat, unlink, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomName } from './random-name.js';
import { isSystemError } from './system-error.js';

const touchEvery = 2000;
const lookEvery = 100;

interface Holder {
  pid: number;
  /** Where the process id means something. */
  host: string;
  id: string;
}

export interface LockOptions {
  signal?: AbortSignal | undefined;
  /** Called once where somebody else holds it; what it throws ends the waiting. */
  onWait?: () => void;
  /** Milliseconds untouched after which a lock counts as left behind. */
  staleAfter?: number;
}

/** Runs `work` while holding the lock file at `path`, whose folder must exist. */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const own = JSON.stringify({
    pid: process.pid,
    host: host(),
    id: randomName(8),
  } satisfies Holder);
  await acquire(path, own, options);
  const touch = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), touchEvery);
  touch.unref();
  try {
    return await work();
  } finally {
    clearInterval(touch);
    if ((await look(path))?.text === own) await unlink(path).catch(() => {});
  }
}

async function acquire(path: string, own: string, options: LockOptions): Promise<void> {
  const { signal, onWait, staleAfter = 15_000 } = options;
  let seen = { text: '', touched: 0, since: 0 };
  let waits = false;
  for (;;) {
    signal?.throwIfAborted();
    if (await create(path, own)) return;
    const found = await look(path);
    if (!found) continue;
    const gone = isGone(found.text);
    if (!gone && !waits) onWait?.();
    waits ||= !gone;
    // The clock of whoever touches it may be another: what counts is whether the time of the file changes.
    if (found.text !== seen.text || found.touched !== seen.touched) seen = { ...found, since: performance.now() };
    if (gone || performance.now() - seen.since > staleAfter) await remove(path, found.text);
    else await sleep(lookEvery, undefined, { signal }).catch(() => {});
  }
}

async function create(path: string, own: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    try {
      await handle.writeFile(own);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (isSystemError(error) && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function look(path: string): Promise<{ text: string; touched: number } | undefined> {
  try {
    return { text: await readFile(path, 'utf8'), touched: (await stat(path)).mtimeMs };
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Takes a lock away that was left behind; where another process was quicker, its new lock is put back. */
async function remove(path: string, text: string): Promise<void> {
  const aside = `${path}.${randomName(4)}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, 'utf8')) !== text) await link(aside, path);
  } catch (error) {
    if (!isSystemError(error) || !['ENOENT', 'EEXIST'].includes(error.code ?? '')) throw error;
  } finally {
    await unlink(aside).catch(() => {});
  }
}

/** Whether the holder is a process of this machine that is no more. */
function isGone(text: string): boolean {
  let holder: Partial<Holder>;
  try {
    holder = JSON.parse(text);
  } catch {
    return false;
  }
  if (holder?.host !== host() || !Number.isInteger(holder.pid) || (holder.pid as number) <= 0) return false;
  try {
    process.kill(holder.pid as number, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** The machine and, of a container, its own set of process ids. */
function host(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}
