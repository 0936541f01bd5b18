// The inside of the library for the benchmarks, which measure the code as it is shipped: built beside the other entries, left
// out of the package.

import type { WasmOptions } from './backend/wasm/wasm.js';

export { openBackend } from './backend/open.js';
export { physicalCores, relaxedSimdSupported } from './backend/wasm/features.js';
export { openCheckpoint } from './checkpoint/open-checkpoint.js';
export { readSource } from './data/source.js';
export { calibrationWindows, windowsSha256 } from './data/windows.js';
export { SparseGptInput, sparsegpt } from './prune/updates/sparsegpt.js';
export { ColumnMatrix } from './tensor/column-matrix.js';
export { narrowF16 } from './tensor/half.js';
export { toInt8 } from './tensor/int8.js';
export { Int8Matrix } from './tensor/int8-matrix.js';
export { SPARSE_VALUES } from './tensor/sparse-matrix.js';
export { patternsOf, valuesOf, WEIGHTS_16 } from './tensor/weights16.js';
export { loadTokenizer } from './text/tokenizer.js';
export { readTokenizerFolder } from './text/tokenizer-folder.js';

// Loaded when they are asked for, as elsewhere: so nothing is cut differently for the benchmarks.
export const createWasmBackend = async (options?: WasmOptions) =>
  (await import('./backend/wasm/create.js')).createWasmBackend(options);
export const openGpu = async () => (await import('./backend/open-gpu.js')).openGpu();
