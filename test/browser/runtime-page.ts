// What runs on the page: neuroal/runtime as it is bundled, on a model that comes as bytes.

import type { BackendInfo, RuntimeOptions } from '../../src/runtime/inline.js';

export interface Runtime {
  /** What greedy decoding writes after the prompt, and on which engine; `files` in base64. */
  write(
    files: Record<string, string>,
    prompt: string,
    options: RuntimeOptions,
  ): Promise<{ text: string; engine: BackendInfo }>;
}

const runtime: Runtime = {
  async write(files, prompt, options) {
    const { generate, loadModel } = await import('../../src/runtime/inline.js');
    const bytes = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const model = await loadModel(
      Object.fromEntries(Object.entries(files).map(([name, text]) => [name, bytes(text)])),
      options,
    );
    try {
      const { text } = await generate(model, prompt, { maxTokens: 12, temperature: 0 });
      return { text, engine: model.engine };
    } finally {
      await model.dispose();
    }
  },
};

Object.assign(globalThis, { runtime });
