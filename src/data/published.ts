// The data sets of the published protocols on the hub: the files that Wanda's and SparseGPT's `load_dataset` calls mean.
// PTB's repository is a program that makes the data; the hub keeps what it makes as parquet on a branch of its own.

import { access } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { downloadFile } from '../checkpoint/hub/download-file.js';
import { type HubEnvironment, hubEnvironment } from '../checkpoint/hub/environment.js';
import type { LongRunning } from '../progress.js';
import type { Protocol } from './kinds.js';

/** What a source is for: windows to calibrate on come of other files than windows to evaluate on. */
export type Use = 'calibration' | 'evaluation';

interface Published {
  repo: string;
  revision?: string;
  files: Readonly<Record<Use, string>>;
}

/** Far above the largest, C4's shards of 320 MB. */
const maxBytes = 2 ** 30;

export const published: Readonly<Record<Protocol, Published>> = {
  wikitext2: {
    repo: 'Salesforce/wikitext',
    files: {
      calibration: 'wikitext-2-raw-v1/train-00000-of-00001.parquet',
      evaluation: 'wikitext-2-raw-v1/test-00000-of-00001.parquet',
    },
  },
  c4: {
    repo: 'allenai/c4',
    files: {
      calibration: 'en/c4-train.00000-of-01024.json.gz',
      evaluation: 'en/c4-validation.00000-of-00008.json.gz',
    },
  },
  ptb: {
    repo: 'ptb-text-only/ptb_text_only',
    revision: 'refs/convert/parquet',
    files: { calibration: 'penn_treebank/train/0000.parquet', evaluation: 'penn_treebank/test/0000.parquet' },
  },
};

export interface PublishedOptions extends LongRunning {
  /** Settings of the hub; those of the process where left out. */
  environment?: HubEnvironment | undefined;
}

export interface PublishedFile {
  path: string;
  /** Of the repository, which the file is of. */
  commit: string;
}

/** What was found in this process: all of a sweep or an evaluation is of one commit, and the hub is asked once. */
const found = new Map<string, string>();

/**
 * The file of a data set in the cache, downloaded where it is not there; the same one for the life of the process.
 * @throws what `downloadFile` throws
 */
export async function publishedFile(
  protocol: Protocol,
  use: Use,
  options: PublishedOptions = {},
): Promise<PublishedFile> {
  const { repo, revision, files } = published[protocol];
  const { environment = await hubEnvironment(), signal, onProgress } = options;
  const { endpoint, cache, offline } = environment;
  const key = JSON.stringify([endpoint, cache, protocol, use]);
  const before = offline === undefined ? found.get(key) : undefined;
  const there =
    before !== undefined &&
    (await access(before).then(
      () => true,
      () => false,
    ));
  const name = {
    repo,
    file: files[use],
    repoType: 'dataset',
    ...(revision === undefined ? {} : { revision }),
  } as const;
  const path = there ? before : await downloadFile(name, { environment, signal, onProgress, maxBytes });
  if (offline === undefined) found.set(key, path);
  // In the cache: …/snapshots/COMMIT/FILE.
  const snapshot = files[use].split('/').reduce((place) => dirname(place), path);
  return { path, commit: basename(snapshot) };
}
