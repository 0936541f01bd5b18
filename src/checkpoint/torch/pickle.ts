// A reader of pickles that can do nothing but build plain values. A pickle is a program for a stack machine; this machine
// has the instructions with which torch.save writes a state_dict (protocols 2 to 5) and no others, and leaves every call to
// a `PickleWorld`, which knows a handful of names. Nothing here recurses, and what a hostile pickle can use up is limited.

import { CheckpointError } from '../../errors.js';
import { quoted } from '../../quoted.js';
import { kindOf, PickleDict, PickleGlobal, PickleList, PickleTuple, type PickleValue } from './pickle-values.js';

/** Of a pickle, in bytes; 200 bytes describe a tensor. */
export const maxPickleBytes = 16 * 1024 * 1024;
/** Dicts, lists, tuples and results of calls; about seven to a tensor. */
const maxObjects = 1_000_000;
/** Python writes a thousand values before it puts them into their dict. */
const maxStack = 100_000;
/** Unfinished tuples and dicts inside each other; a tensor in a state_dict takes four. */
const maxDepth = 100;
const maxMemo = 1_000_000;
/** Of a whole number; the largest that torch.save writes has 10. */
const maxIntegerBytes = 16;

/** Keeps a byte order mark: two names that differ by one are two. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What the names in a pickle mean. Each function throws for what it does not know. */
export interface PickleWorld {
  /** Fails unless `name` may occur at all. */
  check(name: string): void;
  call(name: string, args: readonly PickleValue[]): PickleValue;
  /** The object that a persistent id stands for. */
  persistent(id: PickleValue): PickleValue;
}

/** The bytes end before the pickle does. */
export class PickleCut extends Error {}

/** The pickle that begins at `begin`, and where it ends. Throws a CheckpointError with `where`, or a PickleCut. */
export function unpickle(
  bytes: Uint8Array,
  begin: number,
  world: PickleWorld,
  where: string,
): { value: PickleValue; end: number } {
  return new Machine(bytes, begin, world, where).run();
}

class Machine {
  private readonly view: DataView;
  private readonly stack: PickleValue[] = [];
  /** Stack heights at open marks. */
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private objects = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private at: number,
    private readonly world: PickleWorld,
    private readonly where: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): { value: PickleValue; end: number } {
    for (;;) {
      const code = this.unsigned(1);
      if (code === 0x2e) return { value: this.pop(), end: this.at };
      if (!this.scalar(code) && !this.container(code) && !this.memory(code) && !this.named(code))
        throw this.error('a pickle that only builds tensors', `instruction 0x${code.toString(16).padStart(2, '0')}`);
    }
  }

  /** Instructions that push a number, a text, a truth value or None, and those that frame the stream. */
  private scalar(code: number): boolean {
    switch (code) {
      case 0x80: // PROTO
        return this.protocol(this.unsigned(1));
      case 0x95: // FRAME
        this.long();
        return true;
      case 0x4e: // NONE
        return this.push(null);
      case 0x88: // NEWTRUE
        return this.push(true);
      case 0x89: // NEWFALSE
        return this.push(false);
      case 0x4b: // BININT1
        return this.push(this.unsigned(1));
      case 0x4d: // BININT2
        return this.push(this.unsigned(2));
      case 0x4a: // BININT
        return this.push(this.unsigned(4) | 0);
      case 0x8a: // LONG1
        return this.push(this.integer(this.unsigned(1)));
      case 0x8b: // LONG4
        return this.push(this.integer(this.unsigned(4)));
      case 0x47: // BINFLOAT
        return this.push(this.view.getFloat64(this.take(8)));
      case 0x8c: // SHORT_BINUNICODE
      case 0x55: // SHORT_BINSTRING, which Python 2 wrote
        return this.push(this.text(this.unsigned(1)));
      case 0x58: // BINUNICODE
      case 0x54: // BINSTRING
        return this.push(this.text(this.unsigned(4)));
      case 0x8d: // BINUNICODE8
        return this.push(this.text(this.long()));
      default:
        return false;
    }
  }

  /** Instructions that make and fill tuples, lists and dicts. */
  private container(code: number): boolean {
    switch (code) {
      case 0x28: // MARK
        if (this.marks.length >= maxDepth)
          throw this.error(`a pickle that nests at most ${maxDepth} deep`, 'a deeper one');
        this.marks.push(this.stack.length);
        return true;
      case 0x7d: // EMPTY_DICT
        return this.push(this.made(new PickleDict()));
      case 0x5d: // EMPTY_LIST
        return this.push(this.made(new PickleList()));
      case 0x29: // EMPTY_TUPLE
        return this.push(this.made(new PickleTuple([])));
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.push(this.made(new PickleTuple(this.popMany(code - 0x84))));
      case 0x74: // TUPLE
        return this.push(this.made(new PickleTuple(this.popToMark())));
      case 0x61: // APPEND
        return this.append([this.pop()]);
      case 0x65: // APPENDS
        return this.append(this.popToMark());
      case 0x73: // SETITEM
        return this.setItems(this.popMany(2));
      case 0x75: // SETITEMS
        return this.setItems(this.popToMark());
      default:
        return false;
    }
  }

  /** Instructions that put the top of the stack into the memo, and fetch from it. */
  private memory(code: number): boolean {
    switch (code) {
      case 0x71: // BINPUT
        return this.remember(this.unsigned(1));
      case 0x72: // LONG_BINPUT
        return this.remember(this.unsigned(4));
      case 0x94: // MEMOIZE
        return this.remember(this.memo.size);
      case 0x68: // BINGET
        return this.recall(this.unsigned(1));
      case 0x6a: // LONG_BINGET
        return this.recall(this.unsigned(4));
      default:
        return false;
    }
  }

  /** Instructions that name something. */
  private named(code: number): boolean {
    switch (code) {
      case 0x63: // GLOBAL
        return this.global(this.line(), this.line());
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.popMany(2);
        if (typeof module === 'string' && typeof name === 'string') return this.global(module, name);
        throw this.error('a name of two texts', `${kindOf(module)} and ${kindOf(name)}`);
      }
      case 0x52: {
        // REDUCE
        const [callee, args] = this.popMany(2);
        if (!(callee instanceof PickleGlobal) || !(args instanceof PickleTuple))
          throw this.error('a call of a name with a tuple', `${kindOf(callee)} with ${kindOf(args)}`);
        return this.push(this.made(this.world.call(callee.name, args.items)));
      }
      case 0x51: // BINPERSID
        return this.push(this.made(this.world.persistent(this.pop())));
      case 0x62: {
        // BUILD: the attributes of a state_dict, which say nothing of its tensors
        const state = this.pop();
        const object = this.top();
        if (object instanceof PickleDict && state instanceof PickleDict) return true;
        throw this.error('a pickle that only builds tensors', `attributes of ${kindOf(object)}`);
      }
      default:
        return false;
    }
  }

  private protocol(version: number): true {
    if (version < 2 || version > 5) throw this.error('a pickle of protocol 2 to 5', `protocol ${version}`);
    return true;
  }

  private global(module: string, name: string): true {
    this.world.check(`${module}.${name}`);
    return this.push(this.made(new PickleGlobal(`${module}.${name}`)));
  }

  private append(items: PickleValue[]): true {
    const list = this.top();
    if (!(list instanceof PickleList)) throw this.error('a list to append to', kindOf(list));
    for (const item of items) list.items.push(item);
    return true;
  }

  private setItems(items: PickleValue[]): true {
    const dict = this.top();
    if (!(dict instanceof PickleDict)) throw this.error('a dict to put entries into', kindOf(dict));
    if (items.length % 2 !== 0) throw this.error('a value to each key of a dict', 'a key without one');
    for (let i = 0; i < items.length; i += 2) setEntry(dict, items[i], items[i + 1], this.where);
    return true;
  }

  private remember(index: number): true {
    if (index >= maxMemo) throw this.error(`a memo of at most ${maxMemo} values`, `index ${index}`);
    this.memo.set(index, this.top());
    return true;
  }

  private recall(index: number): true {
    const value = this.memo.get(index);
    if (value === undefined) throw this.error('a value put into the memo before it is fetched', `index ${index}`);
    return this.push(value);
  }

  private made<T extends PickleValue>(value: T): T {
    if (++this.objects > maxObjects) throw this.error(`a pickle of at most ${maxObjects} objects`, 'more');
    return value;
  }

  private push(value: PickleValue): true {
    if (this.stack.length >= maxStack) throw this.error(`a pickle stack of at most ${maxStack} values`, 'a higher one');
    this.stack.push(value);
    return true;
  }

  private pop(): PickleValue {
    return this.popMany(1)[0];
  }

  /** The uppermost `count` values, which lie above the last mark. */
  private popMany(count: number): PickleValue[] {
    if (this.stack.length - count < (this.marks.at(-1) ?? 0)) throw this.error('values on the pickle stack', 'too few');
    return this.stack.splice(-count);
  }

  private popToMark(): PickleValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw this.error('a mark on the pickle stack', 'none');
    return this.stack.splice(mark);
  }

  private top(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.error('values on the pickle stack', 'too few');
    return this.stack[this.stack.length - 1];
  }

  /** Moves on by `count` bytes; returns where they begin. */
  private take(count: number): number {
    const begin = this.at;
    if (count > this.bytes.length - begin) throw new PickleCut();
    this.at += count;
    return begin;
  }

  private unsigned(width: 1 | 2 | 4): number {
    const at = this.take(width);
    if (width === 1) return this.bytes[at];
    return width === 2 ? this.view.getUint16(at, true) : this.view.getUint32(at, true);
  }

  /** An unsigned number of 8 bytes; above 2^53 only its size matters. */
  private long(): number {
    return Number(this.view.getBigUint64(this.take(8), true));
  }

  /** A whole number in two's complement, least byte first; a bigint where a number would not hold it. */
  private integer(width: number): number | bigint {
    if (width > maxIntegerBytes)
      throw this.error(`whole numbers of at most ${maxIntegerBytes} bytes`, `${width} bytes`);
    const begin = this.take(width);
    let value = 0n;
    for (let i = width; i-- > 0; ) value = (value << 8n) | BigInt(this.bytes[begin + i]);
    value = BigInt.asIntN(8 * width, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  private text(length: number): string {
    const begin = this.take(length);
    return this.decoded(begin, begin + length);
  }

  private line(): string {
    const begin = this.at;
    const end = this.bytes.indexOf(10, begin);
    if (end < 0) throw new PickleCut();
    this.at = end + 1;
    return this.decoded(begin, end);
  }

  private decoded(begin: number, end: number): string {
    try {
      return utf8.decode(this.bytes.subarray(begin, end));
    } catch (cause) {
      throw new CheckpointError({ expected: 'texts in UTF-8', got: 'bytes that are not', where: this.where, cause });
    }
  }

  private error(expected: string, got: string): CheckpointError {
    return new CheckpointError({ expected, got, where: this.where });
  }
}

/** Adds an entry. Throws a CheckpointError for a key that is there already, or that is neither text nor number. */
export function setEntry(dict: PickleDict, key: PickleValue, value: PickleValue, where: string): void {
  if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'boolean')
    throw new CheckpointError({ expected: 'texts or numbers as the keys of a dict', got: kindOf(key), where });
  if (dict.entries.has(key))
    throw new CheckpointError({ expected: 'each key of a dict once', got: `${quoted(key)} twice`, where });
  dict.entries.set(key, value);
}
