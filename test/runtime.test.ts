// What the built neuroal/runtime promises to whoever counts: nothing happens when it is imported, nothing that prunes comes
// along, what it shares with the whole library is there once, and it computes on one thread by itself where there are not
// several to be had. Runs what is built in dist/.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as whole from '../src/index.js';

const project = fileURLToPath(new URL('..', import.meta.url));
const dist = (file: string) => new URL(`../dist/${file}`, import.meta.url);
const entries = ['runtime/index.js', 'runtime/inline.js'];

function run(program: string) {
  const args = ['--input-type=module', '--eval', program];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: project,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

const atImport = /(\bfrom\s*|\bimport\s*)["']([@\w./:-]+)["']/g;
const atImportOrLater = /(\bfrom\s*|\bimport\s*\(?\s*)["']([@\w./:-]+)["']/g;

/** The files that a file imports, in the forms that `imports` finds, itself included, and the packages that these name. */
function reached(entry: URL, imports: RegExp) {
  const seen = new Set<string>([entry.href]);
  const outside = new Set<string>();
  for (const file of seen)
    for (const [, , name] of readFileSync(fileURLToPath(file), 'utf8').matchAll(imports))
      if (name.startsWith('.')) seen.add(new URL(name, file).href);
      else outside.add(name);
  return { seen: [...seen], outside: [...outside] };
}

describe.each(entries)('%s', (entry) => {
  const url = JSON.stringify(dist(entry).href);

  it('does nothing when it is imported', () => {
    const { status, stdout, stderr } = run(`
      const refuse = (what) => () => { throw new Error(what); };
      for (const name of ['compile', 'validate', 'instantiate', 'Module', 'Memory']) WebAssembly[name] = refuse(name);
      for (const name of ['fetch', 'setTimeout', 'setInterval', 'setImmediate', 'Worker', 'SharedArrayBuffer', 'DecompressionStream'])
        globalThis[name] = refuse(name);
      process.getBuiltinModule = refuse('a module of Node');
      console.log(Object.keys(await import(${url})).sort().join(' '));
    `);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.trim().split(' ')).toEqual([
      ...['BackendError', 'CheckpointError', 'ConfigError', 'DataError', 'NeuroalError', 'UsageError'],
      ...['chat', 'generate', 'latestMessages', 'loadModel'],
    ]);
  });

  it('has the names of the whole library', () => {
    const { stdout } = run(`console.log(Object.keys(await import(${url})).join(' '))`);
    for (const name of stdout.trim().split(' ')) expect(Object.keys(whole)).toContain(name);
  });

  it('is few files, and no package, when it is imported', () => {
    const { seen, outside } = reached(dist(entry), atImport);
    expect(outside).toEqual([]);
    expect(seen.length).toBeLessThan(4);
  });

  it('brings two packages along, and nothing of Node', () => {
    const { seen, outside } = reached(dist(entry), atImportOrLater);
    expect(outside.sort()).toEqual(['@huggingface/jinja', '@huggingface/tokenizers']);
    expect(seen.length).toBeLessThan(12);
    const inline = entry === 'runtime/inline.js';
    const code = seen.map((file) => readFileSync(fileURLToPath(file), 'utf8')).join('\n');
    expect(code.includes('./kernels/plain.wasm')).toBe(!inline);
    // What Node's own fetch needs, no test can take away.
    expect(code).not.toMatch(/\bBuffer\.\w/);
    for (const word of ['commander', 'piscina', 'hyparquet', 'yauzl', 'cli-progress', 'sparsegpt'])
      expect([word, new RegExp(`["'\`]${word}["'\`]`).test(code)]).toEqual([word, false]);
  });

  it.each([
    ['without SharedArrayBuffer', 'delete globalThis.SharedArrayBuffer;', 1],
    ['with it', '', 2],
  ])('asked for two threads, %s', (_, before, threads) => {
    const { status, stdout, stderr } = run(`
      ${before}
      const { generate, loadModel } = await import(${url});
      const model = await loadModel(undefined, { threads: 2 });
      const { text } = await generate(model, 'Once upon', { maxTokens: 4, temperature: 0 });
      console.log(model.engine.threads, JSON.stringify(text));
    `);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${threads} " a time, there"\n`, stderr: '' });
  });
});

it.each([
  ['index.js', []],
  ['cli/main.js', ['commander']],
])('%s imports no package before it needs one', (entry, needed) => {
  const { outside } = reached(dist(entry), atImport);
  expect(outside.filter((name) => !name.startsWith('node:')).sort()).toEqual(needed);
  // Nor what of Node takes a megabyte each.
  expect(outside.filter((name) => /^node:(crypto|zlib|v8)$/.test(name))).toEqual([]);
});

it('has the same functions and classes as the whole library, not copies of them', () => {
  const { status, stdout, stderr } = run(`
    const entries = ['neuroal', 'neuroal/runtime', 'neuroal/runtime/inline'];
    const all = await Promise.all(entries.map((entry) => import(entry)));
    const [whole, runtime] = all;
    const names = Object.keys(runtime).filter((name) => name !== 'loadModel');
    const copied = names.filter((name) => all.some((entry) => entry[name] !== whole[name]));
    const refused = await Promise.all(all.map(({ loadModel }) => loadModel('./no-such-folder').catch((error) => error)));
    const models = await Promise.all(all.map(({ loadModel }) => loadModel(undefined, { threads: 1 })));
    console.log(JSON.stringify({
      copied,
      known: refused.map((error) => all.every(({ NeuroalError }) => error instanceof NeuroalError)),
      models: new Set(models.map(({ constructor }) => constructor)).size,
    }));
  `);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({ copied: [], known: [true, true, true], models: 1 });
});

it('the kernels have the sizes that docs/runtime.md says', () => {
  const page = readFileSync(new URL('../docs/runtime.md', import.meta.url), 'utf8');
  const bytes = (file: string) => readFileSync(join(project, file)).length;
  const [, plain, relaxed] = /`relaxed\.wasm`, (\d+) and (\d+) kB/.exec(page) ?? [];
  const [, inline] = /\((\d+) kB of text for both\)/.exec(page) ?? [];
  expect(Math.abs(bytes('dist/kernels/plain.wasm') / 1000 - Number(plain))).toBeLessThan(1);
  expect(Math.abs(bytes('dist/kernels/relaxed.wasm') / 1000 - Number(relaxed))).toBeLessThan(1);
  expect(Math.abs(bytes('src/kernels-inline.js') / 1000 - Number(inline))).toBeLessThan(1);
});

it.each([
  ['on a page', { lib: ['es2022', 'dom'], types: [] }],
  ['in Node', { lib: ['es2022'], types: ['node'] }],
])('its types compile strictly %s', (_, options) => {
  const folder = mkdtempSync(join(tmpdir(), 'neuroal-types-'));
  try {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(project, join(folder, 'node_modules/neuroal'));
    symlinkSync(join(project, 'node_modules/@types'), join(folder, 'node_modules/@types'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(
      join(folder, 'program.ts'),
      `import { generate, loadModel, type ModelSource, type RuntimeOptions } from 'neuroal/runtime';
      import { loadModel as loadInline } from 'neuroal/runtime/inline';
      const options: RuntimeOptions = { threads: 1, prefer: 'speed', signal: new AbortController().signal };
      const source: ModelSource = { 'config.json': new Uint8Array(2), 'model.safetensors': new Response() };
      const model = await (Math.random() < 0.5 ? loadModel : loadInline)(source, options);
      const { text } = await generate(model, 'Once', { maxTokens: 3, onText: (piece) => piece.length });
      export const length: number = text.length;
      // @ts-expect-error
      await loadModel(source, { threads: 'two' });`,
    );
    const compilerOptions = { strict: true, noEmit: true, target: 'es2022', module: 'node20', ...options };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }));
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(project, 'node_modules/typescript/bin/tsc'), '-p', folder],
      { encoding: 'utf8' },
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
