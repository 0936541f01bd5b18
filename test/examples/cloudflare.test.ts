// The worker of the example in workerd, where that is installed (npm ci in test/examples/workerd), and everywhere in a
// stand-in: a process of Node that, as workers do, compiles no WebAssembly from bytes, evaluates no text and has no modules of
// Node.

import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { node, pieces, serve } from './run.js';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const system = `${process.platform}-${process.arch === 'x64' ? '64' : process.arch}`;
const workerd = at(`workerd/node_modules/@cloudflare/workerd-${system}/bin/workerd`);
const noWorkerd = !existsSync(workerd);
if (noWorkerd)
  console.warn('skipped, no workerd (npm ci in test/examples/workerd): the worker in the runtime of Cloudflare');

const TEXT = ', there was a little girl named Lily. She';

let files: string;
beforeAll(async () => {
  files = await node(['examples/cloudflare/build.mjs']);
});

it('is deployed as files of less than 25 MiB', () => {
  const sizes = [...files.matchAll(/^ *(\d+) {2}(\S+)$/gm)].map(([, bytes, name]) => [name, Number(bytes)] as const);
  expect(sizes.map(([name]) => name)).toEqual(
    expect.arrayContaining(['worker.mjs', 'kernels.wasm', 'assets/model/model.safetensors']),
  );
  for (const [, bytes] of sizes) expect(bytes).toBeLessThan(25 * 1024 * 1024);
});

it('streams a text in the stand-in, which refuses what workers refuse', async () => {
  const { refused, failed, atOnce, asked, refusals, lengths } = JSON.parse(
    await node(['--disallow-code-generation-from-strings', at('stand-in.mjs'), at('../../examples/cloudflare/dist')]),
  );
  expect(refused).toEqual({
    compile: 'workers compile no WebAssembly from bytes',
    instantiate: 'workers compile no WebAssembly from bytes',
    Module: 'workers compile no WebAssembly from bytes',
    Function: 'Code generation from strings disallowed for this context',
    node: 'workers have no node:fs',
  });
  // A load that fails is not kept; three requests at once load one model.
  expect(failed[0]).toBe(500);
  expect(failed[1]).toMatch(/^expected an answer with the file, got 503, in [\w.]+\n$/);
  expect(atOnce).toEqual([1, 2, 3].map(() => [200, TEXT]));
  // config.json is read for the model and for its tokenizer.
  const names = ['config.json', 'config.json', 'generation_config.json', 'model.safetensors'];
  expect(asked).toEqual([...names, 'tokenizer.json', 'tokenizer_config.json'].map((name) => `/model/${name}`));
  expect(refusals).toEqual([
    [400, 'expected ?prompt=…\n'],
    [400, 'expected max-tokens of 0 or more, got NaN\n'],
    [400, 'expected max-tokens of 0 or more, got NaN\n'],
    [400, 'expected a temperature of 0 or more, got -1\n'],
  ]);
  const [less, most, more] = lengths;
  expect(less).toBeLessThan(most);
  expect(more).toBe(most);
});

describe.skipIf(noWorkerd)('in workerd', () => {
  it('streams texts to several clients', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    const server = await serve(
      workerd,
      [
        'serve',
        at('../../examples/cloudflare/worker.capnp'),
        `--socket-addr=http=127.0.0.1:${port}`,
        `--directory-path=assets=${at('../../examples/cloudflare/dist/assets')}`,
      ],
      { url },
    );
    try {
      const ask = async (tokens = 12) =>
        pieces(await fetch(`${url}?prompt=Once+upon+a+time&tokens=${tokens}&temperature=0`));
      const all = await Promise.all([ask(), ask(), ask()]);
      expect(all.map((each) => each.join(''))).toEqual([TEXT, TEXT, TEXT]);
      // How many pieces arrive as one is the network's affair; those of a long text do not all.
      expect((await ask(300)).length).toBeGreaterThan(1);
      expect((await fetch(url)).status).toBe(400);
    } finally {
      await server.stop();
    }
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject()));
    });
  });
}
