// The data sets of the published protocols on the hub: the files that Wanda's and SparseGPT's `load_dataset` calls mean.
// PTB's repository is a program that makes the data; the hub keeps what it makes as parquet on a branch of its own.

import { downloadFile } from '../checkpoint/hub/download-file.js';
import type { HubEnvironment } from '../checkpoint/hub/environment.js';
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

/** The file of a data set in the cache, downloaded where it is not there. @throws what `downloadFile` throws */
export function publishedFile(protocol: Protocol, use: Use, options: PublishedOptions = {}): Promise<string> {
  const { repo, revision, files } = published[protocol];
  const { environment, ...rest } = options;
  return downloadFile(
    { repo, file: files[use], repoType: 'dataset', ...(revision === undefined ? {} : { revision }) },
    { ...rest, maxBytes, ...(environment === undefined ? {} : { environment }) },
  );
}
