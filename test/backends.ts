// The backends on which what stands above them is tried, each in turn. What a backend itself owes is conformance/.

import type { Backend } from '../src/backend/backend.js';
import { openBackend } from '../src/backend/open.js';
import { createReferenceBackend } from '../src/backend/reference/reference.js';

export const backends: [name: string, create: () => Promise<Backend>][] = [
  ['wasm', () => openBackend({ threads: 1 })],
  ['wasm with 2 threads', () => openBackend({ threads: 2 })],
  ['reference', async () => createReferenceBackend()],
];
