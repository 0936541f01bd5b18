// The zip file of torch.save: NAME/data.pkl is the state_dict, NAME/data/KEY the storages, NAME/byteorder their order.

import { CheckpointError } from '../../errors.js';
import { quoted } from '../../quoted.js';
import { type ByteFile, readRange } from '../byte-file.js';
import type { TensorEntry } from '../weight-file.js';
import { maxPickleBytes, PickleCut, unpickle } from './pickle.js';
import { type Stretch, stateDict } from './state-dict.js';
import { TorchWorld } from './torch-world.js';
import { zipDirectory } from './zip-directory.js';

const pickleName = '/data.pkl';

export async function readZipFormat(
  file: ByteFile,
  fileBytes: number,
  path: string,
): Promise<Map<string, TensorEntry>> {
  const fail = (expected: string, got: string) => new CheckpointError({ expected, got, where: path });
  const entries = await zipDirectory(file, fileBytes, path);
  const pickles = [...entries.keys()].filter((name) => name.endsWith(pickleName) && name.split('/').length === 2);
  if (pickles.length !== 1) throw fail('one data.pkl in the zip file of torch.save', `${pickles.length}`);
  const folder = pickles[0].slice(0, -pickleName.length);

  const order = entries.get(`${folder}/byteorder`);
  if (order) {
    const text = Buffer.from(await readRange(file, order.begin, Math.min(order.end, order.begin + 16), path));
    if (text.toString('latin1') !== 'little')
      throw fail('weights in byte order "little"', quoted(text.toString('latin1')));
  }
  const { begin, end } = entries.get(pickles[0]) as Stretch;
  if (end - begin > maxPickleBytes) throw fail(`a pickle of at most ${maxPickleBytes} bytes`, `${end - begin} bytes`);
  const bytes = new Uint8Array(await readRange(file, begin, end, path));
  try {
    const { value } = unpickle(bytes, 0, new TorchWorld(path), path);
    return stateDict(value, (key) => entries.get(`${folder}/data/${key}`), path, fileBytes);
  } catch (error) {
    if (!(error instanceof PickleCut)) throw error;
    throw fail('a pickle with an end', `one that is cut off after ${bytes.length} bytes`);
  }
}
