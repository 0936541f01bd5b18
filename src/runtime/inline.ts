// neuroal/runtime/inline: the same as neuroal/runtime, with the kernels inside. There is no file beside the bundle.

import { plain, relaxed } from '../kernels-inline.js';
import type { Model } from '../models/model.js';
import { loadWith, type ModelSource, type RuntimeOptions } from './load-model.js';

export * from './names.js';

/** As `loadModel` of neuroal/runtime. */
export function loadModel(source?: ModelSource, options: RuntimeOptions = {}): Promise<Model> {
  return loadWith({ plain: () => inflated(plain), relaxed: () => inflated(relaxed) }, source, options);
}

async function inflated(text: string): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))).arrayBuffer();
}
