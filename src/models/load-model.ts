// A model loaded to run, as the whole library offers it: from a folder or from the hub, with the engine of Node.

import { type EngineOptions, openBackend } from '../backend/open.js';
import { embeddedFolder } from '../checkpoint/embedded.js';
import { openCheckpoint } from '../checkpoint/open-checkpoint.js';
import type { LongRunning } from '../progress.js';
import { filledRunOptions, load, type RunOptions } from './load.js';
import type { Model } from './model.js';

export interface LoadOptions extends EngineOptions, LongRunning, RunOptions {}

/**
 * Loads a Hugging Face folder, or a model of the Hub by its name, to run it; without either, the model embedded in the package.
 * Matrices stay in 16 bits where the checkpoint has them so, and pruned layers become sparse matrices (docs/running.md).
 * @throws UsageError for options.
 * @throws CheckpointError, ConfigError where the folder is not a model that this version knows.
 */
export async function loadModel(folder: string = embeddedFolder, options: LoadOptions = {}): Promise<Model> {
  const filled = filledRunOptions(options);
  const checkpoint = await openCheckpoint(folder, options);
  try {
    return await load(checkpoint, () => openBackend(options), { ...options, ...filled });
  } finally {
    await checkpoint.close();
  }
}
