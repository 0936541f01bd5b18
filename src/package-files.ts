// Files of the package that are found from here, once this is built: no bundle has them. The places are not literals where they
// are used, or a bundler would look for modules there.

const WORKER = './backend/wasm/worker.js';
const EMBEDDED = '../embedded';

/** The script of one more thread. */
export const workerScript = (): URL => new URL(WORKER, import.meta.url);

/** The folder of the embedded model. */
export const embeddedPlace = (): URL => new URL(EMBEDDED, import.meta.url);
