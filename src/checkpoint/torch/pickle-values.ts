// What a pickle may consist of here. There is no object of a class among it: whatever else a pickle names is refused.

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleDict
  | PickleList
  | PickleTuple
  | PickleGlobal
  | TorchStorage
  | TorchTensor;

/** A dict or OrderedDict, in order. */
export class PickleDict {
  readonly entries = new Map<string | number | boolean, PickleValue>();
}

export class PickleList {
  readonly items: PickleValue[] = [];
}

export class PickleTuple {
  constructor(readonly items: readonly PickleValue[]) {}
}

/** A function or class by its name, such as `collections.OrderedDict`; nothing but a name. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** A stretch of memory that torch.save wrote elsewhere in the file, under `key`. */
export class TorchStorage {
  constructor(
    readonly key: string,
    /** `torch.FloatStorage` and the like. */
    readonly type: string,
    /** Elements of that type; of an untyped storage bytes. */
    readonly count: number,
  ) {}
}

/** A view of a storage, as it was written: its numbers are checked where the storage is found. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    /** `torch.float8_e4m3fn` and the like, where the storage's type does not say it. */
    readonly dtype: string | null,
    /** First element. */
    readonly offset: number,
    readonly shape: readonly number[],
    /** Elements from one index to the next, an axis each. */
    readonly strides: readonly number[],
  ) {}
}

/** `a dict`, `a tensor`, …: what a value is, for messages. */
export function kindOf(value: PickleValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'None';
  if (value instanceof PickleDict) return 'a dict';
  if (value instanceof PickleList) return 'a list';
  if (value instanceof PickleTuple) return 'a tuple';
  if (value instanceof PickleGlobal) return plainName(value.name);
  if (value instanceof TorchStorage) return 'a storage';
  if (value instanceof TorchTensor) return 'a tensor';
  return typeof value === 'string' ? 'a text' : typeof value === 'boolean' ? 'a boolean' : 'a number';
}

/** A name from a pickle, on one line and not too long. */
export const plainName = (name: string) => name.replace(/[^\w.]/g, '?').slice(0, 100);
