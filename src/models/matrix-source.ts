// Where a matrix comes from that is to be loaded into a backend, and the memory that one after another is read through.

import { memoryFor } from '../checkpoint/byte-file.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import type { MaskedWeight } from '../checkpoint/sparse/masked-weight.js';
import { widenBF16, widenF16 } from '../tensor/half.js';

/** Memory that one matrix after another is read through. */
export class Scratch {
  readonly #buffers = new Map<string, ArrayBuffer>();

  /** Memory for one use, of at least that many bytes; what it held before may be there still. */
  room(use: string, bytes: number): ArrayBuffer {
    const held = this.#buffers.get(use);
    if (held && held.byteLength >= bytes) return held;
    const made = memoryFor(bytes, 'a matrix on its way into memory');
    this.#buffers.set(use, made);
    return made;
  }
}

/** Rows as they are stored: numbers, or patterns of a 16-bit dtype. */
export interface Rows {
  values: Float32Array | Uint16Array;
  dtype: string;
}

/** Rows as numbers, until others are asked for. */
export function numbersOf({ values, dtype }: Rows, scratch: Scratch): Float32Array {
  if (values instanceof Float32Array) return values;
  const numbers = new Float32Array(scratch.room('numbers', 4 * values.length), 0, values.length);
  (dtype === 'BF16' ? widenBF16 : widenF16)(values, numbers);
  return numbers;
}

/** Where a matrix [rows, columns] comes from. */
export interface MatrixSource {
  rows: number;
  columns: number;
  /** In the checkpoint. */
  dtype: string;
  /** Whether `read` may be asked for a part; else it is asked for all rows. */
  inParts: boolean;
  /** Rows [first, end); what it returned before is then no longer good. Unless `checked` is false they are finite. */
  read(first: number, end: number, checked?: boolean): Promise<Rows['values']>;
  /** Of rows as they are stored: fails where those from row `first` on, read unchecked, are not finite. */
  check?(values: Rows['values'], first: number): void;
  /** Of one that lies there as mask and values: these. */
  masked?: MaskedWeight | undefined;
}

/** Rows of a tensor that lies in the checkpoint as it is used. */
export function storedRows(
  checkpoint: Checkpoint,
  name: string,
  [rows, columns]: readonly number[],
  scratch: Scratch,
  signal?: AbortSignal,
): MatrixSource {
  const { dtype } = checkpoint.info(name);
  const room = (bytes: number) => scratch.room('stored', bytes);
  const read = (first: number, end: number, checked?: boolean) =>
    checkpoint.readRows(name, [rows, columns], first, end, room, signal, checked);
  return {
    rows,
    columns,
    dtype,
    inParts: true,
    read,
    check: (values, first) => checkpoint.checkRows(name, values, first * columns),
  };
}
