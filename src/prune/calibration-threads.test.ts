// The calibration text is tokenized on as many threads as the engine has, also where nobody says how many.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { openBackend, threadsOf } from '../backend/open.js';
import type { CalibrationOptions } from '../data/windows.js';
import { prune } from './prune.js';

vi.mock('../data/windows.js', async (original) => ({
  ...(await original<typeof import('../data/windows.js')>()),
  calibrationWindows: async (_source: unknown, _tokenizer: unknown, { threads }: CalibrationOptions) => {
    throw new Error(`${threads} threads`);
  },
}));

let home: string;
beforeAll(async () => {
  home = await folderWith();
});
afterAll(() => removeFolder(home));

it('are those of the engine', async () => {
  const backend = await openBackend({});
  const { threads } = backend.info;
  await backend.dispose();
  expect(await threadsOf({})).toBe(threads);
  await expect(prune({ out: join(home, 'out') })).rejects.toThrow(`${threads} threads`);
  await expect(prune({ out: join(home, 'out'), threads: 3 })).rejects.toThrow('3 threads');
});
