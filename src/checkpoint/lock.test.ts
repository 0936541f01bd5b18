import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { withLock } from './lock.js';

let folder: string;
let lock: string;
beforeEach(async () => {
  folder = await folderWith();
  lock = join(folder, 'x.lock');
});
afterEach(() => removeFolder(folder));

it('lets one in at a time, also where one fails', async () => {
  let inside = 0;
  let most = 0;
  const results = await Promise.allSettled(
    Array.from({ length: 6 }, (_, i) =>
      withLock(lock, {}, async () => {
        most = Math.max(most, ++inside);
        await new Promise((done) => setTimeout(done, 5));
        inside--;
        if (i === 2) throw new Error('of its own');
      }),
    ),
  );
  expect(most).toBe(1);
  expect(results.map(({ status }) => status).sort()).toEqual([...Array(5).fill('fulfilled'), 'rejected']);
  expect(await readdir(folder)).toEqual([]);
});

it('says once that it waits, and can be stopped then', async () => {
  const stop = new AbortController();
  let waits = 0;
  await withLock(lock, {}, async () => {
    const second = withLock(lock, { signal: stop.signal, onWait: () => waits++ }, async () => 'never');
    setTimeout(() => stop.abort(new Error('enough')), 250);
    await expect(second).rejects.toThrow('enough');
  });
  expect(waits).toBe(1);
});

it('does not wait where the caller would not', async () => {
  const onWait = () => {
    throw new Error('busy');
  };
  await withLock(lock, {}, async () => {
    await expect(withLock(lock, { onWait }, async () => 'never')).rejects.toThrow('busy');
    expect(await readdir(folder)).toEqual(['x.lock']);
  });
});

it('takes over at once what a dead process left', async () => {
  // A process of this machine that is no more, in the form in which a living one writes itself down.
  const own = await withLock(lock, {}, async () => JSON.parse(await readFile(lock, 'utf8')));
  const { pid } = spawnSync(process.execPath, ['--version']);
  await writeFile(lock, JSON.stringify({ ...own, pid }));
  // Only a living owner that gives no sign is waited for, and then for as long as this.
  let waits = 0;
  const never = { staleAfter: Number.POSITIVE_INFINITY, onWait: () => waits++ };
  expect(await withLock(lock, never, async () => 'in')).toBe('in');
  expect(waits).toBe(0);
  expect(await readdir(folder)).toEqual([]);
});

it.each(['', '{"pid":1,"host":"elsewhere"}', 'null', '[]'])('takes over %j once nobody touches it', async (text) => {
  await writeFile(lock, text);
  let waited = false;
  const options = { staleAfter: 300, onWait: () => (waited = true) };
  expect(await withLock(lock, options, async () => 'in')).toBe('in');
  expect(waited).toBe(true);
});

it('leaves a lock alone that is not its own', async () => {
  await withLock(lock, {}, () => writeFile(lock, 'of another'));
  expect(await readFile(lock, 'utf8')).toBe('of another');
});
