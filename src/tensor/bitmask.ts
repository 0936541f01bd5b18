// The mask of a matrix of which only some values are kept, as sparse files have it (docs/sparse-files.md): a bit for each
// weight, and for each row where its values begin among all of them.

/** A mask [rows, columns]. It is trusted: as many bits in a row as its offsets leave it values, none behind the last column. */
export interface Bitmask {
  rows: number;
  columns: number;
  /** [rows, maskStride(columns)]: bit j of byte k of a row is column 8k + j. */
  bits: Uint8Array;
  /** [rows + 1]: where the values of each row begin, and where those of the last one end. */
  offsets: Float64Array;
}

/** Values behind a mask: numbers, patterns of 16 bits, or whole numbers. */
export type MaskedValues = Float32Array | Uint16Array | Int8Array;

/** Bytes of the mask of one row: a bit for each column, the lowest bit of the first byte for the first column. */
export const maskStride = (columns: number): number => Math.ceil(columns / 8);

/** How many bits each byte has. */
export const bitCounts = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) bits++;
  return bits;
});

/** The bytes of the rows [first, end). */
export function maskOfRows({ bits, columns }: Bitmask, first: number, end: number): Uint8Array {
  const stride = maskStride(columns);
  return bits.subarray(first * stride, end * stride);
}

/**
 * Puts values where bits are.
 * @param bits of some rows
 * @param values of these rows
 * @param out the rows, all zeros so far; elements are only moved, of whatever kind they are
 */
export function spread<V extends ArrayBufferView>(bits: Uint8Array, columns: number, values: V, out: V): void {
  const stride = maskStride(columns);
  const [from, to] = [values, out] as unknown as Uint32Array[];
  for (let r = 0, k = 0, n = 0; k < bits.length; r++)
    for (let begin = r * columns, end = k + stride; k < end; k++, begin += 8)
      for (let byte = bits[k]; byte !== 0; byte &= byte - 1) to[begin + 31 - Math.clz32(byte & -byte)] = from[n++];
}

/** Takes out of a mask, and of the values behind it, what is 0 or −0, in place. Returns the values that remain. */
export function dropZeros<V extends MaskedValues>(mask: Bitmask, values: V): V {
  const { rows, columns, bits, offsets } = mask;
  const stride = maskStride(columns);
  const negative = values instanceof Uint16Array ? 0x8000 : 0;
  let [kept, n] = [0, 0];
  for (let r = 0, k = 0; r < rows; r++) {
    offsets[r] = kept;
    for (const end = (r + 1) * stride; k < end; k++)
      for (let byte = bits[k]; byte !== 0; byte &= byte - 1, n++) {
        const value = values[n];
        if (value === 0 || value === negative) bits[k] &= ~(byte & -byte);
        else values[kept++] = value;
      }
  }
  offsets[rows] = kept;
  return values.subarray(0, kept) as V;
}

/** Index in the matrix of the n-th value. */
export function placeOfValue({ columns, bits, offsets }: Bitmask, n: number): number {
  const stride = maskStride(columns);
  const row = offsets.findIndex((begin) => begin > n) - 1;
  let left = n - offsets[row];
  for (let c = 0; ; c++) if ((bits[row * stride + (c >> 3)] >> (c & 7)) & 1 && left-- === 0) return row * columns + c;
}
