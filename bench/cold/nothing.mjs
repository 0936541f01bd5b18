// Node itself: a process that imports nothing.

import { report } from './report.mjs';

await report(async () => ({ about: `Node ${process.versions.node}`, firstToken: null }));
