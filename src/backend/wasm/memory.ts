// The arenas of one backend: where a tensor's storage goes, and how the operands of one kernel come to lie in one arena.

import { BackendError } from '../../errors.js';
import { bytesPerElement } from '../../tensor/dtype.js';
import { type Storage, Tensor } from '../../tensor/tensor.js';
import { Arena, type ArenaOptions, RESERVE } from './arena.js';
import type { Operand } from './runner.js';

export class WasmStorage implements Storage {
  freed = false;

  constructor(
    readonly arena: Arena,
    readonly pointer: number,
    readonly bytes: number,
  ) {}
}

/** Storage of a tensor of this backend that is still alive. */
export function storageOf(tensor: Tensor): WasmStorage {
  const { storage } = tensor;
  if (!(storage instanceof WasmStorage) || storage.freed)
    throw new BackendError({
      expected: 'a tensor of this backend that has not been freed',
      got: storage instanceof WasmStorage ? 'one that has' : 'one of another backend',
      where: `a tensor [${tensor.shape}] of ${tensor.dtype}`,
    });
  return storage;
}

export const bytesOf = (tensor: Tensor): number => tensor.size * bytesPerElement[tensor.dtype];

/** Byte address of a tensor's first element inside its own arena. */
export const addressOf = (tensor: Tensor): number =>
  storageOf(tensor).pointer + tensor.offset * bytesPerElement[tensor.dtype];

/** The bytes of a tensor. Made anew at each call: a memory that has grown has another buffer. */
export const viewOf = (tensor: Tensor): Uint8Array =>
  new Uint8Array(storageOf(tensor).arena.memory.buffer, addressOf(tensor), bytesOf(tensor));

/** Operands of one kernel, all in one arena. */
export interface Gathered {
  readonly arena: Arena;
  /** Stand-ins for the tensors that lie elsewhere. */
  readonly moved: ReadonlyMap<Tensor, WasmStorage>;
  readonly scratch: WasmStorage | null;
}

/** Address of an operand in the arena of the gathering. */
export const addressIn = ({ moved }: Gathered, tensor: Tensor): number =>
  moved.get(tensor)?.pointer ?? addressOf(tensor);

/** What is moved as a rule. */
const NONE: Map<Tensor, WasmStorage> = new Map();

export class ArenaMemory {
  readonly #arenas: Arena[] = [];

  constructor(
    readonly options: Omit<ArenaOptions, 'index'>,
    /** Called for every new arena, so that other threads learn of it. */
    readonly onArena: (arena: Arena) => void,
  ) {}

  /** Bytes of every arena that no tensor takes. */
  get reserve(): number {
    return this.options.maximumBytes * RESERVE;
  }

  /** Storage in the first arena that has room, in a new one where none has; an error says what it was for. */
  allocate(bytes: number, purpose = 'one tensor'): WasmStorage {
    for (const arena of this.#arenas) {
      const storage = this.#allocateIn(arena, bytes);
      if (storage) return storage;
    }
    const storage = this.#allocateIn(this.#open(), bytes);
    if (!storage)
      throw new BackendError({
        expected: `memory enough for ${purpose}`,
        got: `no room for ${bytes} bytes`,
        where: `an arena of ${this.options.maximumBytes} bytes`,
      });
    return storage;
  }

  /** Lets all memory go. */
  drop(): void {
    for (const arena of this.#arenas) arena.drop();
    this.#arenas.length = 0;
  }

  #allocateIn(arena: Arena, bytes: number, lifetime: 'tensor' | 'kernel' = 'tensor'): WasmStorage | null {
    const pointer = arena.allocate(bytes, lifetime);
    return pointer === null ? null : new WasmStorage(arena, pointer, bytes);
  }

  free(storage: WasmStorage): void {
    storage.freed = true;
    storage.arena.free(storage.pointer, storage.bytes);
  }

  /**
   * An arena where all tensors of `operands` lie or have been brought to, with `scratch` bytes beside them. Most of the bytes
   * stay where they are. The caller must `release` the result.
   */
  gather(operands: readonly Operand[], scratch = 0): Gathered {
    for (const operand of operands) if (operand instanceof Tensor) storageOf(operand);
    if (this.#arenas.length === 1) {
      const gathered = this.#bring(operands, scratch, this.#arenas[0]);
      if (gathered) return gathered;
    }
    const tensors = operands.filter((operand) => operand instanceof Tensor);
    const resident = new Map<Arena, number>();
    for (const t of tensors) {
      const { arena } = storageOf(t);
      resident.set(arena, (resident.get(arena) ?? 0) + bytesOf(t));
    }
    const byResidence = [...this.#arenas].sort((a, b) => (resident.get(b) ?? 0) - (resident.get(a) ?? 0));
    for (const arena of byResidence) {
      const gathered = this.#bring(tensors, scratch, arena);
      if (gathered) return gathered;
    }
    const gathered = this.#bring(tensors, scratch, this.#open());
    if (gathered) return gathered;
    throw new BackendError({
      expected: 'room for all operands of one operation in one arena',
      got: `${tensors.reduce((sum, t) => sum + bytesOf(t), scratch)} bytes`,
      where: `an arena of ${this.options.maximumBytes} bytes`,
    });
  }

  /** Ends a gathering: stand-ins of `outputs` are copied to where these belong, and all stand-ins go. */
  release({ arena, moved, scratch }: Gathered, outputs: readonly Tensor[] = []): void {
    for (const output of outputs) {
      const result = moved.get(output);
      if (result) viewOf(output).set(new Uint8Array(arena.memory.buffer, result.pointer, result.bytes));
    }
    for (const storage of moved.values()) this.free(storage);
    if (scratch) this.free(scratch);
  }

  #bring(operands: readonly Operand[], scratchBytes: number, arena: Arena): Gathered | null {
    let moved: Map<Tensor, WasmStorage> = NONE;
    const scratch = scratchBytes > 0 ? this.#allocateIn(arena, scratchBytes, 'kernel') : null;
    let fits = scratchBytes === 0 || scratch !== null;
    for (const t of operands) {
      if (!fits || !(t instanceof Tensor) || storageOf(t).arena === arena || moved.has(t)) continue;
      const storage = this.#allocateIn(arena, bytesOf(t), 'kernel');
      if (moved === NONE) moved = new Map();
      if (storage) moved.set(t, storage);
      else fits = false;
    }
    const gathered = { arena, moved, scratch };
    if (!fits) {
      this.release(gathered);
      return null;
    }
    for (const [t, s] of moved) new Uint8Array(arena.memory.buffer, s.pointer, s.bytes).set(viewOf(t));
    return gathered;
  }

  #open(): Arena {
    const arena = new Arena({ ...this.options, index: this.#arenas.length });
    this.#arenas.push(arena);
    this.onArena(arena);
    return arena;
  }
}
