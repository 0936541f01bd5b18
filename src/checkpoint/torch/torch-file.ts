// Reads a file that torch.save wrote (`pytorch_model.bin`): a pickle that names tensors, and their storages beside it.
// Since PyTorch 1.6 it is a zip file; before that, several pickles in a row with the storages behind them.

import type { FileHandle } from 'node:fs/promises';
import { CheckpointError } from '../../errors.js';
import { openForReading, readRange } from '../byte-range.js';
import { valueBytes } from '../stored-dtype.js';
import { type TensorEntry, WeightFile } from '../weight-file.js';
import { gather } from './gather.js';
import { readLegacyFormat } from './legacy-format.js';
import { readZipFormat } from './zip-format.js';

/** An open file of torch.save; its tensors are in the order of the state_dict. */
export class TorchFile extends WeightFile {
  readonly format = 'torch';

  override async read(name: string, signal?: AbortSignal): Promise<ArrayBuffer> {
    const bytes = await super.read(name, signal);
    const { strides, shape, dtype } = this.entry(name);
    return strides ? gather(bytes, shape, strides, valueBytes[dtype], signal) : bytes;
  }
}

/**
 * Opens a file of torch.save and validates what it says of its tensors. Throws a CheckpointError if it is missing,
 * malformed, or holds anything but a state_dict; nothing that the pickle asks for is run.
 */
export function openTorchFile(path: string): Promise<TorchFile> {
  return openForReading(path, 'file of torch.save', async (handle, fileBytes) => {
    const tensors = await readTensors(handle, fileBytes, path);
    return new TorchFile(path, handle, tensors, fileBytes);
  });
}

async function readTensors(handle: FileHandle, fileBytes: number, path: string): Promise<Map<string, TensorEntry>> {
  const first = new Uint8Array(await readRange(handle, 0, Math.min(4, fileBytes), path));
  if (first[0] === 0x50 && first[1] === 0x4b) return readZipFormat(handle, fileBytes, path);
  if (first[0] === 0x80) return readLegacyFormat(handle, fileBytes, path);
  const got = fileBytes === 0 ? 'an empty file' : 'another beginning; download the file again';
  throw new CheckpointError({ expected: 'a file of torch.save', got, where: path });
}
