// What a load takes beside the model's file: at its peak little more than the file, which no copy of it would be. Measured in
// processes of their own, on a file so large that what Node's fetch takes, whatever it fetches, is little.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('a load takes at most 1.3 times the file, from a folder, a stream and a server', async () => {
  const program = fileURLToPath(new URL('../bench/memory.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, '400', 'folder', 'stream', 'server']);
  const shares = [...stdout.matchAll(/^(\w+) .*, ([\d.]+) of the file/gm)].map(([, kind, share]) => [
    kind,
    Number(share),
  ]);
  expect(shares.map(([kind]) => kind)).toEqual(['folder', 'stream', 'server']);
  for (const [kind, share] of shares) {
    expect(share, `${kind}`).toBeGreaterThan(0.9);
    expect(share, `${kind}`).toBeLessThan(1.3);
  }
});
