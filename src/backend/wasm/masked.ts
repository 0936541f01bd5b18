// Sparse matrices of the wasm backend made of a mask and its values (assembly/sparse.ts), which go by a stretch of rows at a
// time: beside the matrix no more than that is in the memory of the kernels.

import { type Bitmask, maskOfRows, maskStride } from '../../tensor/bitmask.js';
import { SPARSE_VALUES, type SparseMatrix, type SparseValues } from '../../tensor/sparse-matrix.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { ValuesOfRows } from '../backend.js';
import { checkMaskedValues } from '../shapes.js';
import { viewOf } from './memory.js';
import type { KernelRunner } from './runner.js';
import { makeSparse, withSteps } from './sparse.js';
import { SPARSE_ROWS } from './units.js';

/** Bytes of a stretch; one window of rows, where it has more, is one too. */
const STRETCH = 1 << 18;

/** Bytes of a value. */
const BYTES: Record<SparseValues, number> = { f32: 4, bf16: 2, int8: 1 };

/** Rows [first, end), and how long their parts are in words. */
interface Stretch {
  first: number;
  end: number;
  mask: number;
  values: number;
}

/** As `Backend.compressMasked`. */
export function compressMasked<V extends SparseValues>(
  runner: KernelRunner,
  mask: Bitmask,
  values: V,
  valuesOf: ValuesOfRows<V>,
  scale: Tensor<'f32'> | null,
): SparseMatrix {
  const { rows, columns, offsets } = mask;
  const stretches = stretchesOf(mask, BYTES[values]);
  const groups = ({ first, end }: Stretch) => Math.ceil((end - first) / 4);
  const maskWords = Math.max(...stretches.map((stretch) => stretch.mask));
  return makeSparse(runner, rows, columns, values, scale, {
    count: (counts, far) =>
      withMemory(runner, maskWords, (memory) => {
        for (const stretch of stretches) {
          const { first, end } = stretch;
          put(memory, maskOfRows(mask, first, end));
          const operands = [memory, counts, rows, columns, far, first];
          runner.run('countMasked', groups(stretch), columns / 8, counts, operands);
        }
      }),
    fill: (storage) => {
      const { index, values: kept, far, count } = storage;
      const most = Math.max(...stretches.map(({ first, end, mask, values }) => end - first + mask + values));
      const starts = new Uint32Array(viewOf(index.starts).slice().buffer);
      withMemory(runner, most, (memory) => {
        for (const stretch of stretches) {
          const { first, end } = stretch;
          const begins = memory.rows(0, end - first);
          const bits = memory.rows(begins.size, begins.size + stretch.mask);
          const from = memory.rows(begins.size + bits.size, begins.size + bits.size + stretch.values);
          const given = valuesOf(first, end);
          checkMaskedValues(mask, first, end, given);
          put(
            begins,
            Uint32Array.from(offsets.subarray(first, end), (begin) => begin - offsets[first]),
          );
          put(bits, maskOfRows(mask, first, end));
          put(from, given);
          withSteps(runner, storage, starts[first / 4], end < rows ? starts[end / 4] : count, (steps, before) => {
            const parts = [bits, from, begins, index.starts, index.order, steps, kept];
            const operands = [...parts, rows, columns, SPARSE_VALUES.indexOf(values), far, before, first];
            runner.run('fillMasked', groups(stretch), 4 * columns, [steps, kept], operands);
          });
        }
      });
    },
  });
}

/** Rows of a mask in stretches of whole windows. */
function stretchesOf({ rows, columns, offsets }: Bitmask, valueBytes: number): Stretch[] {
  const words = (bytes: number) => Math.max(1, Math.ceil(bytes / 4));
  const made = (first: number, end: number) => ({
    ...{ first, end, mask: words((end - first) * maskStride(columns)) },
    values: words((offsets[end] - offsets[first]) * valueBytes),
  });
  const stretches: Stretch[] = [];
  let open = made(0, Math.min(SPARSE_ROWS, rows));
  for (let end = open.end; end < rows; ) {
    end = Math.min(end + SPARSE_ROWS, rows);
    const longer = made(open.first, end);
    if (4 * (longer.end - longer.first + longer.mask + longer.values) > STRETCH) {
      stretches.push(open);
      open = made(open.end, end);
    } else open = longer;
  }
  return [...stretches, open];
}

/** Memory for some words while `use` is at it. */
function withMemory(runner: KernelRunner, words: number, use: (memory: Tensor<'i32'>) => void): void {
  const memory = runner.allocate('i32', [words], 'rows of a sparse matrix');
  try {
    use(memory);
  } finally {
    runner.free(memory);
  }
}

function put(to: Tensor<'i32'>, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
  viewOf(to).set(new Uint8Array(buffer, byteOffset, byteLength));
}
