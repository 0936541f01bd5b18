// What a load takes beside the model's file: at its peak little more than the file, which no copy of it would be. Measured in
// processes of their own, on a file so large that what Node's fetch takes, whatever it fetches, is little.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it.each([
  ['dense', [], 0.9, 1.3],
  // The matrices are as large as the file, which is smaller: what Node and its fetch take is more of it.
  ['sparse', ['--sparse', '0.7'], 1, 1.6],
] as const)(
  'a load of a %s file takes little more than the model, from a folder, a stream and a server',
  async (_, options, least, most) => {
    const program = fileURLToPath(new URL('../bench/memory.mjs', import.meta.url));
    const args = [program, ...options, '400', 'folder', 'stream', 'server'];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const shares = [...stdout.matchAll(/^(\w+) .*, ([\d.]+) of the file/gm)].map(([, kind, share]) => [
      kind,
      Number(share),
    ]);
    expect(shares.map(([kind]) => kind)).toEqual(['folder', 'stream', 'server']);
    for (const [kind, share] of shares) {
      expect(share, `${kind}`).toBeGreaterThan(least);
      expect(share, `${kind}`).toBeLessThan(most);
    }
  },
);
