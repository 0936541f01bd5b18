// Files of the package that are found from here, from src/ as from a chunk of dist/: no bundle has them, and none shall look for them.
// So neither a place nor what it is counted from is a literal where they come together.

const WORKER = '../dist/backend/wasm/worker.js';
const ENCODE_POOL = '../dist/text/encode-pool.js';
const ENCODE_WORKER = '../dist/text/encode-worker.js';
const PARQUET_WORKER = '../dist/data/parquet-worker.js';
const GPU_PROBE = '../dist/cli/gpu-probe.js';
const EMBEDDED = '../embedded';
const here = (): string => import.meta.url;

/** The script of one more thread. */
export const workerScript = (): URL => new URL(WORKER, here());

/** The module that starts threads which tokenize. */
export const encodePool = (): URL => new URL(ENCODE_POOL, here());

/** The script of a thread that tokenizes. */
export const encodeWorker = (): URL => new URL(ENCODE_WORKER, here());

/** The script of a thread that reads parquet. */
export const parquetWorker = (): URL => new URL(PARQUET_WORKER, here());

/** The program that asks for a GPU. */
export const gpuProbe = (): URL => new URL(GPU_PROBE, here());

/** The folder of the embedded model. */
export const embeddedPlace = (): URL => new URL(EMBEDDED, here());
