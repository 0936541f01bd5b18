// The page of the example in Chromium, isolated from other sites (threads) and not (one thread): load, write, stop, fail.
// Skipped, saying why, where there is no Chromium.

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, noChromium } from '../browser/chromium.js';
import { node, type Server, serve } from './run.js';

if (noChromium) console.warn(`skipped, ${noChromium}: the page of examples/browser`);

const status = (page: Page) => page.locator('#status').innerText();
const textOf = (page: Page, name: string) => page.locator(`[data-model=${name}] .new`).innerText();
const figure = (page: Page, name: string, what: string) =>
  page.locator(`[data-model=${name}] [data-figure=${what}]`).innerText();

it('the server answers what makes no sense, and goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'neuroal-page-'));
  writeFileSync(join(folder, 'index.html'), 'a page');
  const { serverOf } = await import(new URL('../../examples/browser/serve.mjs', import.meta.url).href);
  const server = serverOf(folder, { isolated: true }).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const url = `http://127.0.0.1:${server.address().port}/`;
    for (const path of ['%', '%E0%A4%A', '%00', '..%2F..%2Fetc%2Fpasswd', 'none.html'])
      expect([path, (await fetch(url + path)).status]).toEqual([path, 404]);
    expect(await (await fetch(url)).text()).toBe('a page');
  } finally {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  }
});

describe.skipIf(noChromium !== undefined)('the page', () => {
  let browser: Browser;
  beforeAll(async () => {
    [browser] = await Promise.all([
      chromium.launch({ executablePath, args: ['--no-sandbox'] }),
      node(['examples/browser/build.mjs']),
    ]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
  });

  describe.each([
    { headers: 'with the headers of isolation', args: [], threads: '2 threads' },
    { headers: 'without them', args: ['--alone'], threads: 'one thread (this page is not cross-origin isolated)' },
  ])('$headers', ({ args, threads }) => {
    let server: Server;
    let page: Page;
    const complaints: string[] = [];
    beforeAll(async () => {
      server = await serve(process.execPath, ['examples/browser/serve.mjs', ...args], { env: { PORT: '0' } });
      page = await browser.newPage();
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
      await page.goto(`${server.url}?threads=2`);
      await page.locator('#write:enabled').waitFor();
    }, 30_000);
    afterAll(async () => {
      await page?.close();
      await server?.stop();
    });

    it('loads both models, and says what they are', async () => {
      expect(await status(page)).toBe('Both models are loaded.');
      expect(await figure(page, 'dense', 'size')).toBe('3.4 MB');
      expect(await figure(page, 'pruned', 'size')).toBe('1.4 MB');
      expect(await figure(page, 'dense', 'zeros')).toBe('0 %');
      expect(await figure(page, 'pruned', 'zeros')).toMatch(/^(69|70)\.\d %$/);
      expect(await page.locator('#engine').innerText()).toContain(threads);
    });

    it('writes two texts on one beginning, from the keyboard alone', async () => {
      await page.locator('#temperature').fill('0');
      await page.locator('#tokens').fill('40');
      await page.locator('#prompt').fill('Once upon a time');
      await page.locator('#prompt').press('Enter');
      await page.locator('#write:enabled').waitFor();
      expect(await status(page)).toMatch(
        /^Done: the pruned model is 2\.4 times smaller, and wrote \d+\.\d\d times as fast\.$/,
      );
      expect(await textOf(page, 'dense')).toMatch(/^, there was a little girl named Lily\. She/);
      expect((await textOf(page, 'pruned')).length).toBeGreaterThan(40);
      for (const name of ['dense', 'pruned']) expect(await figure(page, name, 'speed')).toMatch(/^[\d,]+$/);
    });

    it('stops when asked, keeps what is written, and writes again', async () => {
      await page.locator('#tokens').fill('400');
      await page.locator('#pace').check();
      await page.locator('#write').click();
      await expect.poll(() => textOf(page, 'dense')).not.toBe('');
      await page.keyboard.press('Escape');
      await page.locator('#write:enabled').waitFor();
      expect(await status(page)).toBe('Stopped.');
      const stopped = await textOf(page, 'dense');
      expect(stopped.length).toBeLessThan(200);
      await page.locator('#pace').uncheck();
      await page.waitForTimeout(300);
      expect(await textOf(page, 'dense')).toBe(stopped);
      await page.locator('#write').click();
      await page.locator('#stop:enabled').click();
      await page.locator('#write:enabled').waitFor();
      expect(await status(page)).toBe('Stopped.');
    });

    it('has nothing to complain about', () => {
      expect(complaints).toEqual([]);
    });
  });

  it('takes as many threads as it would when asked for no number of them', async () => {
    const server = await serve(process.execPath, ['examples/browser/serve.mjs'], { env: { PORT: '0' } });
    const page = await browser.newPage();
    try {
      await page.goto(`${server.url}?threads=1.5`);
      await page.locator('#write:enabled').waitFor();
      expect(await status(page)).toBe('Both models are loaded.');
    } finally {
      await page.close();
      await server.stop();
    }
  });

  it('tells the visitor what is wrong', async () => {
    const server = await serve(process.execPath, ['examples/browser/serve.mjs'], { env: { PORT: '0' } });
    const page = await browser.newPage();
    try {
      await page.route('**/models/pruned/model.safetensors', (route) => route.fulfill({ status: 404 }));
      await page.goto(server.url);
      await page.getByRole('alert').waitFor();
      expect(await page.getByRole('alert').innerText()).toBe(
        'expected an answer with the file, got 404 Not Found, in model.safetensors',
      );
      expect(await page.locator('#write').isDisabled()).toBe(true);
    } finally {
      await page.close();
      await server.stop();
    }
  });
});
