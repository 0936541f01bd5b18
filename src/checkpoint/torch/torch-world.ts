// The names that the pickle of a state_dict may hold, and what they stand for here. A pickle can name any function of
// Python; the ones below build dicts, shapes and views of storages, and any other name is an error that says it.

import { CheckpointError } from '../../errors.js';
import type { StoredDtype } from '../stored-dtype.js';
import { type PickleWorld, setEntry } from './pickle.js';
import {
  kindOf,
  PickleDict,
  PickleGlobal,
  PickleList,
  PickleTuple,
  type PickleValue,
  plainName,
  TorchStorage,
  TorchTensor,
} from './pickle-values.js';

/** The dtype of each class of storages; null where only the tensor says it. */
export const storageDtypes: ReadonlyMap<string, StoredDtype | null> = new Map([
  ['torch.DoubleStorage', 'F64'],
  ['torch.FloatStorage', 'F32'],
  ['torch.HalfStorage', 'F16'],
  ['torch.BFloat16Storage', 'BF16'],
  ['torch.LongStorage', 'I64'],
  ['torch.IntStorage', 'I32'],
  ['torch.ShortStorage', 'I16'],
  ['torch.CharStorage', 'I8'],
  ['torch.ByteStorage', 'U8'],
  ['torch.BoolStorage', 'BOOL'],
  ['torch.UntypedStorage', null],
  ['torch.storage.UntypedStorage', null],
]);

/** The dtypes of PyTorch that safetensors has too. */
export const torchDtypes: ReadonlyMap<string, StoredDtype> = new Map([
  ['torch.float64', 'F64'],
  ['torch.float32', 'F32'],
  ['torch.float16', 'F16'],
  ['torch.bfloat16', 'BF16'],
  ['torch.float8_e4m3fn', 'F8_E4M3'],
  ['torch.float8_e5m2', 'F8_E5M2'],
  ['torch.int64', 'I64'],
  ['torch.int32', 'I32'],
  ['torch.int16', 'I16'],
  ['torch.int8', 'I8'],
  ['torch.uint64', 'U64'],
  ['torch.uint32', 'U32'],
  ['torch.uint16', 'U16'],
  ['torch.uint8', 'U8'],
  ['torch.bool', 'BOOL'],
]);

/** Axes of a tensor, as many as PyTorch allows. */
const maxAxes = 64;

type Call = (world: TorchWorld, args: readonly PickleValue[]) => PickleValue;

const calls: ReadonlyMap<string, Call> = new Map<string, Call>([
  ['collections.OrderedDict', (world, args) => world.orderedDict(args)],
  ['torch.Size', (world, args) => new PickleTuple(world.counts(args[0], 'a shape'))],
  ['torch._utils._rebuild_parameter', (world, [data]) => world.tensor(data)],
  ['torch._utils._rebuild_tensor', (world, args) => world.view(args, null, undefined)],
  ['torch._utils._rebuild_tensor_v2', (world, args) => world.view(args, null, args[6])],
  ['torch._utils._rebuild_tensor_v3', (world, args) => world.view(args, args[6] ?? null, args[7])],
]);

export class TorchWorld implements PickleWorld {
  /** Every storage that occurred, by its key. */
  readonly storages = new Map<string, TorchStorage>();

  /** @param where the file, for messages */
  constructor(private readonly where: string) {}

  check(name: string): void {
    if (calls.has(name) || storageDtypes.has(name) || torchDtypes.has(name)) return;
    throw this.error('a pickle that only builds tensors', plainName(name));
  }

  call(name: string, args: readonly PickleValue[]): PickleValue {
    const call = calls.get(name);
    if (call) return call(this, args);
    throw this.error('a pickle that only builds tensors', `a call of ${plainName(name)}`);
  }

  /** ("storage", class, key, device, count), with a sixth entry in the older format. */
  persistent(id: PickleValue): TorchStorage {
    const [kind, type, key, , count, view = null] = id instanceof PickleTuple ? id.items : [];
    if (kind !== 'storage' || !(type instanceof PickleGlobal) || !storageDtypes.has(type.name))
      throw this.error('storages as the only persistent ids', kindOf(kind === 'storage' ? type : id));
    if (typeof key !== 'string' || !isCount(count)) throw this.error('a storage with a key and a size', kindOf(key));
    if (view !== null) throw this.error('storages of their own; save the weights again', 'a view of a storage');
    const known = this.storages.get(key);
    if (known && (known.type !== type.name || known.count !== count))
      throw this.error(`one type and size of storage ${plainName(key)}`, 'two');
    const storage = known ?? new TorchStorage(key, type.name, count);
    this.storages.set(key, storage);
    return storage;
  }

  /** Empty, or, as Python 2 wrote it, from a list of pairs. */
  orderedDict([pairs, ...rest]: readonly PickleValue[]): PickleDict {
    const dict = new PickleDict();
    if (pairs === undefined) return dict;
    if (!(pairs instanceof PickleList) || rest.length > 0) throw this.error('an OrderedDict of pairs', kindOf(pairs));
    for (const pair of pairs.items) {
      if (!(pair instanceof PickleList) || pair.items.length !== 2)
        throw this.error('an OrderedDict of pairs', `one of ${kindOf(pair)}`);
      setEntry(dict, pair.items[0], pair.items[1], this.where);
    }
    return dict;
  }

  tensor(value: PickleValue | undefined): TorchTensor {
    if (value instanceof TorchTensor) return value;
    throw this.error('a tensor as the data of a parameter', kindOf(value));
  }

  /** @param metadata bits that change how the values are read; there must be none */
  view(args: readonly PickleValue[], dtype: PickleValue, metadata: PickleValue = null): TorchTensor {
    const [storage, offset, shape, strides] = args;
    if (!(storage instanceof TorchStorage)) throw this.error('a tensor that views a storage', kindOf(storage));
    if (dtype !== null && !(dtype instanceof PickleGlobal && torchDtypes.has(dtype.name)))
      throw this.error('a dtype that safetensors has', kindOf(dtype));
    if (metadata instanceof PickleDict ? metadata.entries.size > 0 : metadata !== null)
      throw this.error('a tensor of plain numbers', 'one to be conjugated or negated');
    return new TorchTensor(
      storage,
      dtype?.name ?? null,
      this.counts(new PickleTuple([offset]), 'an offset')[0],
      this.counts(shape, 'a shape'),
      this.counts(strides, 'strides'),
    );
  }

  /** A tuple of whole numbers that are not negative. */
  counts(value: PickleValue | undefined, what: string): number[] {
    const expected = `${what} of whole numbers, not negative`;
    if (!(value instanceof PickleTuple)) throw this.error(expected, kindOf(value));
    if (value.items.length > maxAxes) throw this.error(`at most ${maxAxes} axes`, `${value.items.length}`);
    return value.items.map((item) => {
      if (isCount(item)) return item;
      throw this.error(expected, typeof item === 'number' || typeof item === 'bigint' ? `${item}` : kindOf(item));
    });
  }

  private error(expected: string, got: string): CheckpointError {
    return new CheckpointError({ expected, got, where: this.where });
  }
}

const isCount = (x: PickleValue | undefined): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
