// A Chromium without a window, with WebGPU also where the only GPU is a program (SwiftShader, which comes with it): a page
// of our own script, served from this machine, because navigator.gpu is for secure contexts alone.

import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Page } from 'playwright-core';

/** Where Debian and Ubuntu put it; CHROMIUM names another. */
export const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why there is no Chromium; undefined where there is one. */
export const noChromium = existsSync(executablePath)
  ? undefined
  : `no Chromium at ${executablePath} (Debian: apt install chromium; CHROMIUM=path names another)`;

const FLAGS = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A page that has run the script, and how to close all that belongs to it. */
export async function openPage(script: string): Promise<{ page: Page; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/script.js';
    response.setHeader('content-type', isScript ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8');
    response.end(
      isScript ? script : '<!doctype html><title>test</title><script type="module" src="/script.js"></script>',
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const browser = await chromium.launch({ executablePath, args: FLAGS }).catch((error) => {
    server.close();
    throw error;
  });
  const close = async () => {
    await browser.close();
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return { page, close };
  } catch (error) {
    await close();
    throw error;
  }
}
