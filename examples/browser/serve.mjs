// Serves the page from this machine, with the headers that let it use threads, or without them.
//
//   node examples/browser/serve.mjs               PORT=8080 for another port than 8000
//   node examples/browser/serve.mjs --alone       without the headers: one thread

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** A page that has them is isolated from other sites, and may share memory between threads. */
const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** Where in the folder a request points; undefined where it makes no sense (`/%`). */
function pathIn(folder, url) {
  try {
    const { pathname } = new URL(url, 'http://localhost');
    // `normalize` of an absolute path leaves no way out of the folder.
    return join(folder, normalize(decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname)));
  } catch {
    return undefined;
  }
}

/** A server of the files of a folder. */
export const serverOf = (folder, { isolated }) =>
  createServer(async (request, response) => {
    const path = pathIn(folder, request.url);
    const found = path === undefined ? null : await stat(path).catch(() => null);
    if (!found?.isFile()) return response.writeHead(404).end('no such file\n');
    response.writeHead(200, {
      'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
      'content-length': found.size,
      ...(isolated && ISOLATION),
    });
    pipeline(createReadStream(path), response, () => {});
  });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const isolated = !process.argv.includes('--alone');
  const folder = join(import.meta.dirname, 'dist');
  await stat(join(folder, 'index.html')).catch(() => {
    console.error('expected a built page, got none: node examples/browser/build.mjs');
    process.exit(2);
  });
  const server = serverOf(folder, { isolated });
  server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () =>
    console.log(`http://localhost:${server.address().port}/ ${isolated ? 'with threads' : 'on one thread'}`),
  );
}
