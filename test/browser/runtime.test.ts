// neuroal/runtime on a page of Chromium, on its own thread, on the CPU and on navigator.gpu. Skipped, saying why, where there
// is no Chromium, or one without WebGPU.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddedFolder } from '../../src/checkpoint/embedded.js';
import { generate } from '../../src/generate/generate.js';
import { loadModel } from '../../src/models/load-model.js';
import { bundle } from './bundle.js';
import { noChromium, openPage } from './chromium.js';
import type { Runtime } from './runtime-page.js';

declare const runtime: Runtime;
declare const navigator: { gpu?: GPU };

const prompt = 'Once upon a time';

if (noChromium) console.warn(`skipped, ${noChromium}: the runtime in a browser`);

describe.skipIf(noChromium !== undefined)('the runtime in Chromium', () => {
  let opened: Awaited<ReturnType<typeof openPage>>;
  let files: Record<string, string>;
  let expected: string;
  beforeAll(async () => {
    opened = await openPage(await bundle('runtime-page.ts'));
    const names = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json'];
    files = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await readFile(join(embeddedFolder, name), 'base64')])),
    );
    const model = await loadModel();
    expected = (await generate(model, prompt, { maxTokens: 12, temperature: 0 })).text;
    await model.dispose();
  }, 60_000);
  afterAll(() => opened?.close());

  const write = (backend: 'wasm' | 'webgpu') =>
    opened.page.evaluate(([files, prompt, backend]) => runtime.write(files, prompt, { backend }), [
      files,
      prompt,
      backend,
    ] as const);

  it('writes what Node writes', async () => {
    const { text, engine } = await write('wasm');
    expect(text).toBe(expected);
    expect(engine).toMatchObject({ backend: 'wasm', threads: 1 });
  });

  it('does so on navigator.gpu', async ({ skip }) => {
    const gpu = await opened.page.evaluate(async () => !!(await navigator.gpu?.requestAdapter()));
    if (!gpu) skip('a browser without an adapter');
    const { text, engine } = await write('webgpu');
    expect(text).toBe(expected);
    expect(engine.backend).toBe('webgpu');
  }, 60_000);
});
