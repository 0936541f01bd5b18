// neuroal/runtime: load and generate, in Node, in a function, in a browser, alone or inside a bundle. Nothing happens when it
// is imported; the kernels are files beside the code.

import { kernelFiles } from '../kernel-files.js';
import type { Model } from '../models/model.js';
import { loadWith, type ModelSource, type RuntimeOptions } from './load-model.js';

export * from './names.js';

/**
 * Loads a model to run it; without a source, the one embedded in the package. What comes as a stream is read once, and every
 * tensor goes straight to its place in memory.
 * @throws UsageError for options; CheckpointError, ConfigError where the files are not a model that this version knows;
 *   BackendError where the engine or its kernels cannot be had; the signal's reason when aborted
 */
export function loadModel(source?: ModelSource, options: RuntimeOptions = {}): Promise<Model> {
  return loadWith(kernelFiles, source, options);
}
