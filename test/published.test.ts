// The data sets of the protocols through the command line: named alone, they come from the hub that the environment names.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { embeddedFolder } from '../src/checkpoint/embedded.js';
import { startBin } from './bin.js';
import { folderWith, removeFolder } from './checkpoint-fixture.js';
import { FakeHub } from './fake-hub.js';

let home: string;
let hub: FakeHub;
beforeEach(async () => {
  home = await folderWith();
});
afterEach(async () => {
  await hub.stop();
  await removeFolder(home);
});

async function neuroal(...args: string[]) {
  const { code, out, err } = await startBin([...args, '--json'], home, { HF_HOME: home, HF_ENDPOINT: hub.endpoint })
    .ended;
  if (code !== 0) throw new Error(err);
  return JSON.parse(out);
}

it('eval --perplexity wikitext2', async () => {
  const file = 'wikitext-2-raw-v1/test-00000-of-00001.parquet';
  const parquet = await readFile(new URL('golden/parquet/snappy.parquet', import.meta.url));
  hub = await FakeHub.start('Salesforce/wikitext', { [file]: parquet }, 'dataset');
  const { perplexity } = await neuroal('eval', '--perplexity', 'wikitext2', '--seq-len', '16');
  expect(perplexity.wikitext2).toMatchObject({ seqLen: 16, protocol: 'wanda-16', commit: hub.commit });
  expect(perplexity.wikitext2.windows).toBe(Math.floor(perplexity.wikitext2.tokens / 16));
});

it('prune --calibration c4 draws what a file of the same documents gives', async () => {
  const text = await readFile(new URL('../embedded/calibration.txt', import.meta.url), 'utf8');
  const lines = Array.from({ length: 40 }, (_, i) => JSON.stringify({ text: text.slice(i * 300, i * 300 + 400) })).join(
    '\n',
  );
  hub = await FakeHub.start('allenai/c4', { 'en/c4-train.00000-of-01024.json.gz': gzipSync(lines) }, 'dataset');
  const local = await folderWith({ 'documents.jsonl': lines });
  try {
    const options = ['--method', 'magnitude', '--top-up', 'uniform', '--samples', '4', '--seq-len', '32', '--out'];
    const draw = (out: string, source: string) =>
      neuroal('prune', embeddedFolder, ...options, out, '--calibration', source);
    const drawn = await draw('a', 'c4');
    const given = await draw('b', join(local, 'documents.jsonl'));
    expect(drawn.calibration).toMatchObject({ source: 'c4', commit: hub.commit, windows: 4, seqLen: 32 });
    expect(drawn.calibration.sha256).toBe(given.calibration.sha256);
  } finally {
    await removeFolder(local);
  }
});
