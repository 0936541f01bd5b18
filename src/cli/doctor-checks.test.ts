// What the doctor says of a driver that crashes or hangs.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { answerOf } from './doctor-checks.js';

let home: string;
beforeAll(async () => {
  home = await folderWith({});
});
afterAll(() => removeFolder(home));

async function program(text: string): Promise<string> {
  const path = join(home, 'probe.mjs');
  await writeFile(path, text);
  return path;
}

it('gives what the program prints', async () => {
  expect(await answerOf(await program('console.log(7)'), 30_000)).toBe('7\n');
});

it('tells a driver that ends the process from one that does not answer', async () => {
  await expect(answerOf(await program("process.kill(process.pid, 'SIGABRT')"), 30_000)).rejects.toThrow(
    /^a driver that ends the process \(SIGABRT\)$/,
  );
  await expect(answerOf(await program('process.exit(3)'), 30_000)).rejects.toThrow(
    /^a driver that ends the process \(3\)$/,
  );
  await expect(answerOf(await program('setInterval(() => {}, 1000)'), 500)).rejects.toThrow(
    /^a driver that did not answer in 0\.5 s$/,
  );
});
