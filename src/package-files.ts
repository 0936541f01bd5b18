// Files of the package that are found from here, once this is built: no bundle has them, and none shall look for them. So neither a place
// nor what it is counted from is a literal where they come together.

const WORKER = './backend/wasm/worker.js';
const ENCODE_POOL = './text/encode-pool.js';
const EMBEDDED = '../embedded';
const here = (): string => import.meta.url;

/** The script of one more thread. */
export const workerScript = (): URL => new URL(WORKER, here());

/** The module that starts threads which tokenize. */
export const encodePool = (): URL => new URL(ENCODE_POOL, here());

/** The folder of the embedded model. */
export const embeddedPlace = (): URL => new URL(EMBEDDED, here());
