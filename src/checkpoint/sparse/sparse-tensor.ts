// A weight that lies in a folder in parts, read as the dense tensor it stands for: a stretch of rows at a time, so that
// besides the result no more than a few megabytes are in memory.

import { CheckpointError } from '../../errors.js';
import { tensorAt } from '../../quoted.js';
import { memoryFor } from '../byte-file.js';
import type { FloatDtype } from '../float-dtype.js';
import type { SafetensorsFile } from '../safetensors.js';
import { valueBytes } from '../stored-dtype.js';
import { checkedOffsets, expand } from './decode.js';
import { maskStride, type SparseShape, sparseBytes } from './layout.js';
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

const placeOf = ({ file, name }: Part) => tensorAt(file.path, name);

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
    const scale = parts.scale && (await this.readScale(parts.scale, offsets, signal));
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
    const patterns = scale ? scaled(new Int8Array(values), scale, first, offsets) : patternsOf(values, width);
    expand(new Uint8Array(mask), { first, columns }, offsets, patterns, out, placeOf(bitmask));
  }

  private async readScale(part: Part, offsets: Float64Array, signal?: AbortSignal): Promise<Float32Array> {
    const scale = new Float32Array(await part.file.read(part.name, signal));
    const bad = scale.findIndex(
      (s, row) => !(s > 0 && s < Infinity) && !(s === 0 && offsets[row] === offsets[row + 1]),
    );
    if (bad < 0) return scale;
    const expected = `a finite scale of row ${bad}, above 0 where the row has values`;
    throw new CheckpointError({ expected, got: String(scale[bad]), where: placeOf(part) });
  }
}

/** value · scale of the row as f32 patterns, for values from row `first` on. */
function scaled(values: Int8Array, scale: Float32Array, first: number, offsets: Float64Array): Uint32Array {
  const floats = new Float32Array(values.length);
  for (let row = first, n = 0; n < values.length; row++)
    for (const s = scale[row]; n < offsets[row + 1] - offsets[first]; n++) floats[n] = values[n] * s;
  return new Uint32Array(floats.buffer);
}
