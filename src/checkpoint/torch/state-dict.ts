// From the pickle of a state_dict and the places of its storages to tensors by name. A tensor is a view of a storage; one
// that passes here cannot make a later read leave its storage or give more bytes than the storage has.

import { CheckpointError } from '../../errors.js';
import { quoted, shapeText, tensorAt } from '../../quoted.js';
import { sizeOf, valueBytes } from '../stored-dtype.js';
import type { TensorEntry } from '../weight-file.js';
import { kindOf, PickleDict, type PickleValue, TorchTensor } from './pickle-values.js';
import { storageDtypes, torchDtypes } from './torch-world.js';

/** Bytes of a file. */
export interface Stretch {
  begin: number;
  end: number;
}

/** How often, on average, a number may be named. */
const mostShared = 4;

/**
 * The tensors of a state_dict, in its order.
 * @param place where a storage lies
 * @param path the file, for messages
 * @param fileBytes its size
 */
export function stateDict(
  value: PickleValue,
  place: (key: string) => Stretch | undefined,
  path: string,
  fileBytes: number,
): Map<string, TensorEntry> {
  const fail = (expected: string, got: string) => new CheckpointError({ expected, got, where: path });
  const expected = 'a state_dict, which has tensors by name';
  if (!(value instanceof PickleDict)) throw fail(expected, kindOf(value));
  const tensors = new Map<string, TensorEntry>();
  let bytes = 0;
  for (const [name, tensor] of value.entries) {
    if (!(tensor instanceof TorchTensor) || typeof name !== 'string')
      throw fail(`${expected}; save model.state_dict() alone`, `${kindOf(tensor)} under ${quoted(name)}`);
    const entry = entryOf(tensor, place(tensor.storage.key), tensorAt(path, name));
    tensors.set(name, entry);
    bytes += valueBytes[entry.dtype] * sizeOf(entry.shape);
  }
  // Tied weights share their numbers. More than a few names for the same ones would only fill memory and disk.
  if (bytes > mostShared * fileBytes)
    throw fail(`tensors of at most ${mostShared} times the file's ${fileBytes} bytes`, `${bytes} bytes of them`);
  return tensors;
}

function entryOf(tensor: TorchTensor, place: Stretch | undefined, where: string): TensorEntry {
  const fail = (expected: string, got: string) => new CheckpointError({ expected, got, where });
  const { storage, offset, shape, strides } = tensor;
  const stored = storageDtypes.get(storage.type) ?? null;
  const dtype = stored ?? torchDtypes.get(tensor.dtype ?? '');
  if (!dtype || (stored !== null && tensor.dtype !== null))
    throw fail('a dtype from the storage or from the tensor', dtype ? 'one from each' : 'neither');
  if (!place) throw fail(`storage ${quoted(storage.key)} in the file`, 'none');
  const width = valueBytes[dtype];
  const bytes = storage.count * (stored === null ? 1 : width);
  if (!(bytes <= place.end - place.begin))
    throw fail(`${bytes} bytes for its storage`, `${place.end - place.begin} bytes`);

  if (shape.length !== strides.length)
    throw fail(`a stride for each axis of ${shapeText(shape)}`, `${strides.length} strides`);
  const size = sizeOf(shape);
  const room = Math.floor(bytes / width);
  const last = size === 0 ? offset - 1 : offset + strides.reduce((sum, stride, a) => sum + stride * (shape[a] - 1), 0);
  // An expanded tensor has more values than its storage; reading it would take memory that the file does not hold.
  if (!(size <= room && last < room && offset <= room))
    throw fail(
      `${shapeText(shape)} with strides ${shapeText(strides)} from element ${offset} on within its storage`,
      `a storage of ${room} elements`,
    );
  const entry = { dtype, shape, begin: place.begin + offset * width, end: place.begin + (last + 1) * width };
  return isContiguous(shape, strides) ? entry : { ...entry, strides };
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] > 1 && strides[axis] !== step) return false;
    step *= shape[axis];
  }
  return true;
}
