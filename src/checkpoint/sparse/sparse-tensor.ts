// A weight that lies in a folder in parts, read as the dense tensor it stands for, a stretch of rows at a time, so that
// besides the result no more than a few megabytes are in memory; or as the parts that it is.

import { CheckpointError } from '../../errors.js';
import { tensorAt } from '../../quoted.js';
import { maskStride } from '../../tensor/bitmask.js';
import { memoryFor } from '../byte-file.js';
import type { FloatDtype } from '../float-dtype.js';
import type { SafetensorsFile } from '../safetensors.js';
import { valueBytes } from '../stored-dtype.js';
import type { TensorEntry } from '../weight-file.js';
import { checkedOffsets, checkMask, expand } from './decode.js';
import { type SparseShape, sparseBytes } from './layout.js';
import { type Patterns, patternsOf } from './patterns.js';

/** Dense bytes that are put together from one reading of mask and values. */
const stretchBytes = 4 * 1024 * 1024;

/** A tensor in a file. */
export interface Part {
  file: SafetensorsFile;
  name: string;
}

/** The parts that hold data; `scale` is there with int8 values alone. */
export interface SparseParts {
  compressed: Part;
  bitmask: Part;
  rowOffsets: Part;
  scale: Part | undefined;
}

/** What the parts hold, checked against each other. */
export interface StoredParts {
  bits: Uint8Array;
  /** [rows + 1], the number of values at its end. */
  offsets: Float64Array;
  compressed: ArrayBuffer;
  scale: Float32Array | undefined;
}

/** Memory of at least so many bytes for a use: what it held before may be there still. */
export type PartMemory = (use: string, bytes: number) => ArrayBuffer;

const placeOf = ({ file, name }: Part) => tensorAt(file.path, name);
const entryOf = ({ file, name }: Part) => file.tensors.get(name) as TensorEntry;
/** File after file, and in the order of each. */
const byPlace = (a: Part, b: Part) =>
  a.file.path === b.file.path ? entryOf(a).begin - entryOf(b).begin : a.file.path < b.file.path ? -1 : 1;

export class SparseTensor {
  /** Of the dense tensor: that of the values; of int8 values F32, which holds value · scale. */
  readonly dtype: FloatDtype;
  /** Of all parts. */
  readonly bytes: number;

  /** @param shape as the parts have it, their headers checked */
  constructor(
    readonly shape: SparseShape,
    private readonly parts: SparseParts,
  ) {
    this.dtype = shape.dtype === 'I8' ? 'F32' : shape.dtype;
    this.bytes = sparseBytes(shape);
  }

  /** Its parts, wherever they lie. */
  get places(): Part[] {
    const { compressed, bitmask, rowOffsets, scale } = this.parts;
    return [compressed, bitmask, rowOffsets, ...(scale ? [scale] : [])];
  }

  /**
   * The dense tensor, row-major, in `dtype`, in memory of its own. Throws a CheckpointError where the parts contradict each
   * other or cannot be read.
   */
  async read(signal?: AbortSignal): Promise<ArrayBuffer> {
    const { parts, shape } = this;
    const { rows, columns } = shape;
    const width = valueBytes[this.dtype];
    const dense = memoryFor(rows * columns * width, placeOf(parts.compressed));
    const offsets = checkedOffsets(
      new BigInt64Array(await parts.rowOffsets.file.read(parts.rowOffsets.name, signal)),
      shape.nonZeros,
      placeOf(parts.rowOffsets),
    );
    const scale = parts.scale && new Float32Array(await parts.scale.file.read(parts.scale.name, signal));
    if (scale) this.checkScale(scale, offsets);
    const out = patternsOf(dense, width);
    const step = Math.max(1, Math.floor(stretchBytes / (columns * width)));
    for (let first = 0; first < rows; first += step) {
      const count = Math.min(step, rows - first);
      const into = out.subarray(first * columns, (first + count) * columns);
      await this.readRows(first, count, offsets, scale, into, signal);
    }
    return dense;
  }

  /** Rows from `first` on, into memory that is zero. */
  private async readRows(
    first: number,
    count: number,
    offsets: Float64Array,
    scale: Float32Array | undefined,
    out: Patterns,
    signal?: AbortSignal,
  ): Promise<void> {
    const { compressed, bitmask } = this.parts;
    const { columns, dtype } = this.shape;
    const stride = maskStride(columns);
    const width = valueBytes[dtype];
    const mask = await bitmask.file.readPart(bitmask.name, first * stride, (first + count) * stride, signal);
    const [begin, end] = [offsets[first], offsets[first + count]];
    const values = await compressed.file.readPart(compressed.name, begin * width, end * width, signal);
    const patterns = scale ? floatsOf(new Int8Array(values), scale, first, offsets) : patternsOf(values, width);
    expand(new Uint8Array(mask), { first, columns }, offsets, patterns, out, placeOf(bitmask));
  }

  /**
   * All parts, in the order in which they lie there. Throws a CheckpointError where they contradict each other or cannot be read.
   * @param memory for each of them; `compressed` is longer than its values where what is given is
   */
  async readParts(memory: PartMemory, signal?: AbortSignal): Promise<StoredParts> {
    const { rows, columns, nonZeros } = this.shape;
    const read = new Map<Part, ArrayBuffer>();
    for (const part of this.places.sort(byPlace)) {
      const { begin, end } = entryOf(part);
      const into = memory(part.name.slice(part.name.lastIndexOf('.') + 1), end - begin);
      await part.file.readInto(part.name, 0, new Uint8Array(into, 0, end - begin), signal);
      read.set(part, into);
    }
    const bytesOf = (part: Part) => read.get(part) as ArrayBuffer;
    const { compressed, bitmask, rowOffsets, scale: scalePart } = this.parts;
    const stored = new BigInt64Array(bytesOf(rowOffsets), 0, rows);
    const offsets = checkedOffsets(stored, nonZeros, placeOf(rowOffsets));
    const scale = scalePart && new Float32Array(bytesOf(scalePart), 0, rows);
    if (scale) this.checkScale(scale, offsets);
    const bits = new Uint8Array(bytesOf(bitmask), 0, rows * maskStride(columns));
    checkMask(bits, { first: 0, columns }, offsets, placeOf(bitmask));
    return { bits, offsets, compressed: bytesOf(compressed), scale };
  }

  private checkScale(scale: Float32Array, offsets: Float64Array): void {
    const bad = scale.findIndex(
      (s, row) => !(s > 0 && s < Infinity) && !(s === 0 && offsets[row] === offsets[row + 1]),
    );
    if (bad < 0) return;
    const expected = `a finite scale of row ${bad}, above 0 where the row has values`;
    throw new CheckpointError({ expected, got: String(scale[bad]), where: placeOf(this.parts.scale as Part) });
  }
}

/** value · scale of the row as f32 patterns, for values from row `first` on. */
function floatsOf(values: Int8Array, scale: Float32Array, first: number, offsets: Float64Array): Uint32Array {
  const floats = new Float32Array(values.length);
  scaled(values, scale, first, offsets, floats);
  return new Uint32Array(floats.buffer);
}

/** value · scale of the row, for values from row `first` on. */
export function scaled(
  values: Int8Array,
  scale: Float32Array,
  first: number,
  offsets: Float64Array,
  out: Float32Array,
): void {
  for (let row = first, n = 0; n < values.length; row++)
    for (const s = scale[row]; n < offsets[row + 1] - offsets[first]; n++) out[n] = values[n] * s;
}
