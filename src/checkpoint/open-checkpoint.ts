// Opens a MODEL as the command line and the whole library know it: a folder, or a name on the hub, with weights in any format.

import type { LongRunning } from '../progress.js';
import { type Checkpoint, openModelFiles } from './checkpoint.js';
import { DiskFolder } from './disk-folder.js';
import { locateModel } from './hub/resolve.js';
import { type Format, safetensors } from './shards.js';

const torch: Format = {
  kind: 'file of torch.save',
  single: 'pytorch_model.bin',
  index: 'pytorch_model.bin.index.json',
  extension: '.bin',
  read: async (file) => (await import('./torch/torch-file.js')).readTorchFile(file),
};

/**
 * Opens a MODEL: a Hugging Face model folder, or `org/name[@revision]` from the hub. Throws a CheckpointError if it cannot
 * be had or its weights are missing or malformed, a ConfigError if config.json is, an OutputError where the cache of the
 * hub cannot be written.
 */
export async function openCheckpoint(model: string, options: LongRunning = {}): Promise<Checkpoint> {
  const { folder, source } = await locateModel(model, options);
  return openModelFiles(new DiskFolder(folder), { formats: [safetensors, torch], source, signal: options.signal });
}
