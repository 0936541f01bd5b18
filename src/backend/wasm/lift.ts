// f16 as checkpoints have it, written and counted by a kernel on one thread.

import { entryBlocks } from '../../tensor/sparse-matrix.js';
import type { Tensor } from '../../tensor/tensor.js';
import { type ArenaMemory, addressIn, viewOf, type WasmStorage } from './memory.js';

/** As `Backend.writeF16`. */
export function writeF16(memory: ArenaMemory, out: Tensor<'f16'>, stored: Uint16Array): Int32Array | null {
  const { rowCount: rows, columns } = out;
  const counts = rows * entryBlocks(columns);
  viewOf(out).set(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
  const gathered = memory.gather([out], 4 * counts);
  const { kernels, memory: arenaMemory } = gathered.arena;
  const zeros = (gathered.scratch as WasmStorage).pointer;
  try {
    const fits = kernels.liftRows(addressIn(gathered, out), columns, rows, zeros);
    return fits ? new Int32Array(arenaMemory.buffer, zeros, counts).slice() : null;
  } finally {
    memory.release(gathered, [out]);
  }
}
