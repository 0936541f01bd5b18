// Reads a file that torch.save wrote (`pytorch_model.bin`): a pickle that names tensors, and their storages beside it.
// Since PyTorch 1.6 it is a zip file; before that, several pickles in a row with the storages behind them.

import { CheckpointError } from '../../errors.js';
import { type ByteFile, readRange } from '../byte-file.js';
import { openForReading } from '../disk-file.js';
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
  return openForReading(path, 'file of torch.save', readTorchFile);
}

/** The same of a file that is open. It must be one that can be read in any order. */
export async function readTorchFile(file: ByteFile): Promise<TorchFile> {
  const { path, bytes = 0 } = file;
  return new TorchFile(file, await readTensors(file, bytes, path), bytes);
}

async function readTensors(file: ByteFile, fileBytes: number, path: string): Promise<Map<string, TensorEntry>> {
  const first = new Uint8Array(await readRange(file, 0, Math.min(4, fileBytes), path));
  if (first[0] === 0x50 && first[1] === 0x4b) return readZipFormat(file, fileBytes, path);
  if (first[0] === 0x80) return readLegacyFormat(file, fileBytes, path);
  const got = fileBytes === 0 ? 'an empty file' : 'another beginning; download the file again';
  throw new CheckpointError({ expected: 'a file of torch.save', got, where: path });
}
