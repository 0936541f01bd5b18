// The oracle of the conformance suite, and of nothing else: every operation of the interface in plain TypeScript,
// in f64 and as close to its definition as code can be. Slow on purpose; nothing here is to be optimised.

import type { Backend } from '../backend.js';
import { algebra } from './algebra.js';
import { attention } from './attention.js';
import { elementwise } from './elementwise.js';
import { layers } from './layers.js';
import { measures } from './measures.js';
import { mask } from './selection.js';
import { sparse } from './sparse.js';
import { memory } from './storage.js';

/** A backend to compare others with. */
export function createReferenceBackend(): Backend {
  return {
    info: { backend: 'reference', simd: 'plain', threads: 1 },
    ...memory,
    ...sparse,
    ...layers,
    attention,
    ...elementwise,
    ...measures,
    mask,
    ...algebra,
    async dispose() {},
  };
}
