// The data sets of the protocols, from a hub of this machine: which files are asked for, and what becomes of them.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeHub } from '../../test/fake-hub.js';
import { type HubEnvironment, hubEnvironment } from '../checkpoint/hub/environment.js';
import type { Protocol } from './kinds.js';
import { published, type Use } from './published.js';
import { locateSource, readSource } from './source.js';

const parquet = (name: string) => readFile(new URL(`../../test/golden/parquet/${name}.parquet`, import.meta.url));
const contents: Record<Protocol, () => Promise<Buffer>> = {
  wikitext2: () => parquet('snappy'),
  ptb: () => parquet('sentences'),
  c4: async () => gzipSync('{"text":"one","url":"x"}\n{"text":"two"}\n'),
};

let home: string;
let hub: FakeHub | undefined;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'neuroal-published-'));
});
afterEach(async () => {
  await hub?.stop();
  hub = undefined;
  await rm(home, { recursive: true });
});

/** A hub that has one data set. */
async function offers(protocol: Protocol, use: Use): Promise<HubEnvironment> {
  const { repo, revision, files } = published[protocol];
  hub = await FakeHub.start(repo, { [files[use]]: await contents[protocol]() }, 'dataset');
  if (revision !== undefined) hub.revisions = new Set([revision]);
  return { ...(await hubEnvironment({ HF_HOME: home, HF_ENDPOINT: hub.endpoint })), retryDelay: 1 };
}

describe('a data set of the hub', () => {
  it.each([
    ['wikitext2', 'evaluation', 'Salesforce/wikitext', 'main', 'wikitext-2-raw-v1/test-00000-of-00001.parquet'],
    ['wikitext2', 'calibration', 'Salesforce/wikitext', 'main', 'wikitext-2-raw-v1/train-00000-of-00001.parquet'],
    ['c4', 'evaluation', 'allenai/c4', 'main', 'en/c4-validation.00000-of-00008.json.gz'],
    ['c4', 'calibration', 'allenai/c4', 'main', 'en/c4-train.00000-of-01024.json.gz'],
    ['ptb', 'evaluation', 'ptb-text-only/ptb_text_only', 'refs%2Fconvert%2Fparquet', 'penn_treebank/test/0000.parquet'],
    [
      'ptb',
      'calibration',
      'ptb-text-only/ptb_text_only',
      'refs%2Fconvert%2Fparquet',
      'penn_treebank/train/0000.parquet',
    ],
  ] as const)('%s, %s', async (protocol, use, repo, revision, file) => {
    const environment = await offers(protocol, use);
    const read = () => readSource(protocol, { use, environment });
    const source = await read();
    expect(hub?.requests[0]).toBe(`HEAD /datasets/${repo}/resolve/${revision}/${file}`);
    expect(source.name).toBe(protocol);
    expect(source.kind).toBe(protocol === 'c4' && use === 'calibration' ? 'stored' : 'protocol');
    if (source.kind === 'protocol') expect(source.rows).toHaveLength({ wikitext2: 25, ptb: 2, c4: 2 }[protocol]);
    const { path } = await locateSource(protocol, { use, environment });
    const snapshot = join('hub', `datasets--${repo.replace('/', '--')}`, 'snapshots', hub?.commit ?? '', file);
    expect(path).toBe(join(home, snapshot));
    expect(source).toMatchObject({ commit: hub?.commit });
    // In one process the hub is asked once, whatever it has by then.
    const once = hub?.requests.length;
    expect(await locateSource(protocol, { use, environment })).toEqual({
      protocol,
      name: protocol,
      path,
      commit: hub?.commit,
    });
    await read();
    expect(hub?.requests).toHaveLength(once ?? 0);
    expect(hub?.requests.filter((request) => request.startsWith('HEAD'))).toHaveLength(1);
    // From the cache, where nothing may be downloaded.
    const asked = hub?.requests.length;
    const offline = { ...environment, offline: 'HF_HUB_OFFLINE=1' };
    expect((await readSource(protocol, { use, environment: offline })).name).toBe(protocol);
    expect(hub?.requests).toHaveLength(asked ?? 0);
  });

  it('is missed in one line', async () => {
    const environment = await offers('c4', 'evaluation');
    const offline = { ...environment, offline: 'HF_HUB_OFFLINE=1' };
    await expect(readSource('ptb', { environment: offline })).rejects.toThrow(
      'expected "penn_treebank/test/0000.parquet" of ptb-text-only/ptb_text_only@refs/convert/parquet in the cache, ' +
        `got nothing, while HF_HUB_OFFLINE=1 forbids to download, in ${environment.cache}`,
    );
    await expect(readSource('c4', { environment, use: 'calibration' })).rejects.toThrow(
      'expected file "en/c4-train.00000-of-01024.json.gz" in the repository, got none of that name, in allenai/c4',
    );
  });
});
