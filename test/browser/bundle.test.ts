// The WebGPU backend and the reference need nothing of Node: bundled for a browser, they are one script without imports.

import { expect, it } from 'vitest';
import { bundle } from './bundle.js';

it.each(['webgpu/webgpu.ts', 'reference/reference.ts'])('backend/%s runs without Node', async (file) => {
  expect(await bundle(`../../src/backend/${file}`)).toContain('addColumnSquares');
});

it('what imports from Node is refused', async () => {
  await expect(bundle('chromium.ts')).rejects.toThrow('node:fs');
  await expect(bundle('../../src/checkpoint/open-checkpoint.ts')).rejects.toThrow('node:');
});
