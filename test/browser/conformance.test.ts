// The WebGPU backend in a browser: the conformance suite on a page of Chromium. Skipped, saying why, where there is no
// Chromium, or one without WebGPU.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cases } from '../conformance/cases.js';
import { refusals } from '../conformance/refusals.js';
import { bundle } from './bundle.js';
import { noChromium, openPage } from './chromium.js';
import type { Suite } from './page.js';

declare const suite: Suite;

const MINUTES = 60_000;

if (noChromium) console.warn(`skipped, ${noChromium}: the conformance suite in a browser`);

describe.skipIf(noChromium !== undefined)('webgpu in Chromium', () => {
  let opened: Awaited<ReturnType<typeof openPage>>;
  beforeAll(async () => {
    opened = await openPage(await bundle('page.ts'));
  }, 2 * MINUTES);
  afterAll(() => opened?.close());

  it(
    'agrees with the reference in every case, and refuses what it must',
    async ({ skip }) => {
      const noGpu = await opened.page.evaluate(() => suite.noGpu());
      if (noGpu !== undefined) skip(noGpu);
      const { adapter, ...report } = await opened.page.evaluate(() => suite.conformance());
      expect(report).toEqual({ cases: cases.length, refusals: refusals.length, complaints: [] });
      expect(adapter).not.toBe('');
    },
    // Seconds on a GPU, a minute or two where the GPU is a program on two busy cores.
    10 * MINUTES,
  );
});
