// f16 as checkpoints have it, written and counted by a kernel on one thread.

import type { Tensor } from '../../tensor/tensor.js';
import { type ArenaMemory, addressIn, viewOf } from './memory.js';

/** As `Backend.writeF16`. */
export function writeF16(memory: ArenaMemory, out: Tensor<'f16'>, stored: Uint16Array): number | null {
  viewOf(out).set(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
  const gathered = memory.gather([out], 0);
  try {
    const zeros = gathered.arena.kernels.lift(addressIn(gathered, out), out.size);
    return zeros < 0 ? null : zeros;
  } finally {
    memory.release(gathered, [out]);
  }
}
