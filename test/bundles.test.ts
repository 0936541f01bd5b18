// What people who bundle get: the bundle of each bundler runs where there is nothing but itself and a model, and writes what
// the package writes. Runs what is built in dist/.

import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { build as esbuild } from 'esbuild';
import { rollup } from 'rollup';
import { build as vite } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import webpack from 'webpack';
import { embeddedFolder } from '../src/checkpoint/embedded.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const text = ' a time, there was a little girl named Lily';

let home: string;
/** An empty folder for what a bundler makes. */
const emptyFolder = () => mkdtemp(join(home, 'out-'));

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'neuroal-test-'));
  await mkdir(join(home, 'project', 'node_modules'), { recursive: true });
  await symlink(root, join(home, 'project', 'node_modules', 'neuroal'), 'dir');
});
afterAll(() => rm(home, { recursive: true }));

/** A file of the project that is bundled. */
async function source(name: string, content: string): Promise<string> {
  const path = join(home, 'project', name);
  await writeFile(path, content);
  return path;
}

/** A program that loads the model of its argument and prints what it writes. */
const program = (entry: string, name = 'program.mjs', options = '{}', imports = '') =>
  source(
    name,
    `${imports}
    import { generate, loadModel } from '${entry}';
    async function main() {
      const model = await loadModel(process.argv[2], ${options});
      const { text } = await generate(model, 'Once upon', { maxTokens: 12, temperature: 0 });
      console.log(JSON.stringify({ text, threads: model.engine.threads }));
      await model.dispose();
    }
    main();`,
  );

/** What a file of a folder prints when it is run there. */
function run(folder: string, file: string): unknown {
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, embeddedFolder], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stderr, ...(status === 0 ? JSON.parse(stdout) : {}) };
}

const copyKernels = (to: string) => cp(join(root, 'dist', 'kernels'), join(to, 'kernels'), { recursive: true });

const written = { status: 0, stderr: '', text, threads: 1 };

describe('esbuild', () => {
  const made = async (input: string, name: string, more: Parameters<typeof esbuild>[0]) => {
    const out = await emptyFolder();
    const { warnings } = await esbuild({
      entryPoints: [input],
      bundle: true,
      outfile: join(out, name),
      logLevel: 'silent',
      ...more,
    });
    expect(warnings.filter(({ id }) => id !== 'empty-import-meta')).toEqual([]);
    return out;
  };

  it('for Node, with the kernels copied beside it', async () => {
    const out = await made(await program('neuroal/runtime'), 'program.mjs', { format: 'esm', platform: 'node' });
    const { stderr } = run(out, 'program.mjs') as { stderr: string };
    expect(stderr).toContain('expected the kernels for');
    await copyKernels(out);
    expect(run(out, 'program.mjs')).toEqual(written);
  });

  it('for Node, with the kernels imported as bytes', async () => {
    const imports = "import plain from 'neuroal/kernels/plain.wasm';";
    const input = await program('neuroal/runtime', 'bytes.mjs', '{ kernels: plain }', imports);
    const out = await made(input, 'program.mjs', {
      format: 'esm',
      platform: 'node',
      target: 'node20',
      loader: { '.wasm': 'binary' },
    });
    expect(run(out, 'program.mjs')).toEqual(written);
  });

  it('in CommonJS, with the kernels inside', async () => {
    const input = await program('neuroal/runtime/inline');
    const out = await made(input, 'program.cjs', { format: 'cjs', platform: 'node', minify: true });
    expect(run(out, 'program.cjs')).toEqual(written);
  });

  it('for a browser, with the kernels inside: nothing there comes from Node', async () => {
    const input = await program('neuroal/runtime/inline');
    const out = await made(input, 'program.mjs', { format: 'esm', platform: 'browser', minify: true });
    expect(run(out, 'program.mjs')).toEqual(written);
  });

  it('for a browser: nothing that only Node has is used', async () => {
    const input = await source(
      'page.mjs',
      `import { generate, loadModel } from 'neuroal/runtime/inline';
      const { readFileSync } = process.getBuiltinModule('node:fs');
      const file = (name) => new Response(readFileSync(process.argv[2] + '/' + name));
      const names = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json'];
      const files = Object.fromEntries(names.map((name) => [name, file(name)]));
      for (const name of ['process', 'setImmediate', 'clearImmediate', 'global']) delete globalThis[name];
      const model = await loadModel(files);
      const { text } = await generate(model, 'Once upon', { maxTokens: 12, temperature: 0 });
      const refused = await loadModel('a folder').catch(({ message }) => message);
      console.log(JSON.stringify({ text, threads: model.engine.threads, refused }));
      await model.dispose();`,
    );
    const out = await made(input, 'program.mjs', { format: 'esm', platform: 'browser' });
    expect(run(out, 'program.mjs')).toEqual({
      ...written,
      refused: 'expected files, or a URL (http, https), got a path, which only Node can read',
    });
  });

  it('with a worker inside the bundle', async () => {
    const options = `{
      threads: 2,
      createWorker: () => new Worker(new URL('./worker.mjs', import.meta.url)),
    }`;
    const imports = "import { Worker } from 'node:worker_threads';";
    const input = await program('neuroal/runtime/inline', 'threads.mjs', options, imports);
    const out = await made(input, 'program.mjs', { format: 'esm', platform: 'node' });
    const worker = await source('worker.mjs', "import 'neuroal/runtime/worker';");
    await esbuild({ entryPoints: [worker], bundle: true, format: 'esm', outfile: join(out, 'worker.mjs') });
    expect(run(out, 'program.mjs')).toEqual({ ...written, threads: 2 });
  });

  it('runs on one thread where threads are asked for and no worker is in the bundle', async () => {
    const input = await program('neuroal/runtime/inline', 'alone.mjs', '{ threads: 4 }');
    const out = await made(input, 'program.mjs', { format: 'esm', platform: 'node' });
    expect(run(out, 'program.mjs')).toEqual(written);
  });
});

it.each([
  ['neuroal/runtime', true],
  ['neuroal/runtime/inline', false],
])('Rollup, %s', async (entry, files) => {
  const out = await emptyFolder();
  const bundle = await rollup({
    input: await program(entry),
    plugins: [nodeResolve()],
    onwarn({ message }) {
      throw new Error(message);
    },
  });
  await bundle.write({ dir: out, format: 'es', entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' });
  await bundle.close();
  if (files) await copyKernels(out);
  expect(run(out, 'program.mjs')).toEqual(written);
});

it.each(['neuroal/runtime', 'neuroal/runtime/inline'])('Vite, as for a page, %s', async (entry) => {
  const out = await emptyFolder();
  const input = await program(entry);
  await vite({
    configFile: false,
    root: join(home, 'project'),
    base: './',
    logLevel: 'silent',
    build: {
      outDir: out,
      emptyOutDir: false,
      target: 'es2022',
      // What hurries a page along needs a document.
      modulePreload: false,
      rolldownOptions: { input, output: { entryFileNames: 'program.mjs', chunkFileNames: 'assets/[name].mjs' } },
    },
  });
  expect(run(out, 'program.mjs')).toEqual(written);
});

it.each([
  ['neuroal/runtime', 'node20.19'],
  ['neuroal/runtime', 'web'],
  ['neuroal/runtime/inline', 'web'],
])('webpack, %s, for %s', async (entry, target) => {
  const out = await emptyFolder();
  const input = await program(entry);
  const stats = await new Promise<webpack.Stats>((resolve, reject) =>
    webpack(
      {
        mode: 'production',
        target: [target, 'es2022'],
        entry: input,
        experiments: { outputModule: true },
        optimization: { minimize: false },
        performance: false,
        output: { path: out, filename: 'program.mjs', chunkFilename: '[id].mjs', module: true, chunkFormat: 'module' },
      },
      (error, stats) => (stats ? resolve(stats) : reject(error)),
    ),
  );
  expect(stats.toString({ all: false, errors: true, warnings: true })).toBe('');
  expect(run(out, 'program.mjs')).toEqual(written);
});
