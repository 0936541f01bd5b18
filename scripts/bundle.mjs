// Makes the JavaScript of dist/ from src/: an entry has the place there that its source has here, and what entries share lies
// in chunks at the top of dist/. Hundreds of modules take longer to be found than to run, and every class exists once,
// whichever entry it comes from. What is loaded when it is asked for is in dist/lazy/.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ENTRIES = [
  'index',
  'cli/main',
  'runtime/index',
  'runtime/inline',
  // Found by their places: package-files.ts.
  'cli/gpu-probe',
  'data/parquet-worker',
  'text/encode-pool',
  'text/encode-worker',
  // For benchmarks: not in the package.
  'internals',
];
/** A thread of the team starts at once: it loads one file, with little in it. */
const THREAD = 'backend/wasm/worker';

const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const source = (path) => fileURLToPath(new URL(`../src/${path}.ts`, import.meta.url));
const built = (path) => fileURLToPath(new URL(`../dist/${path}`, import.meta.url));
const entries = new Set(ENTRIES.map(source));

/**
 * The chunks, each of what the earlier ones have left: what both entries of the runtime need, and what the library has in common
 * with the tokenizer, so that this chunk needs no other; the tokenizer, which the runtime asks for later; what the command line
 * must know before a command runs; the rest of the library.
 */
const CHUNKS = {
  core: (reached, id) =>
    (reached('runtime/index') && reached('runtime/inline')) ||
    (reached('text/tokenizer') && reached('index')) ||
    id === '\0rolldown/runtime.js',
  tokenizer: (reached) => reached('text/tokenizer'),
  options: (reached) => reached('index') && reached('cli/main'),
  // The kernels lie beside it.
  'kernel-files': (_, id) => id === source('kernel-files'),
  library: (reached) => reached('index'),
};

/** An entry keeps what it alone needs, and so does what is loaded later. */
const groups = Object.entries(CHUNKS).map(([chunk, takes], i, { length }) => ({
  name: (id, graph) => (!entries.has(id) && takes((path) => closure(source(path), graph).has(id), id) ? chunk : null),
  debugName: chunk,
  priority: length - i,
}));

const closures = new Map();
/** The modules that one imports when it is loaded, and what these import, itself included. */
function closure(id, graph) {
  const known = closures.get(id);
  if (known) return known;
  const all = new Set([id]);
  for (const module of all) for (const next of graph.getModuleInfo(module)?.importedIds ?? []) all.add(next);
  closures.set(id, all);
  return all;
}

async function build(paths, codeSplitting) {
  const bundle = await rolldown({
    input: Object.fromEntries(paths.map((path) => [path, source(path)])),
    platform: 'neutral',
    external: [/^node:/, ...Object.keys(dependencies)],
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    transform: { target: 'es2023' },
    onLog(_, { message }) {
      throw new Error(message);
    },
  });
  const { output } = await bundle.generate({
    format: 'es',
    chunkFileNames: ({ isDynamicEntry }) => (isDynamicEntry ? 'lazy/[name].js' : '[name].js'),
    // In a stack the names of functions are still there, and the line that Node prints above it is one.
    minify: { compress: false, mangle: { keepNames: true }, codegen: { removeWhitespace: false } },
    comments: { jsdoc: false, annotation: true, legal: true },
    minifyInternalExports: false,
    codeSplitting,
  });
  await bundle.close();
  for (const { fileName, code, moduleIds } of output) {
    // What counts the way from its own place to the other files.
    const placed = moduleIds.find((id) => /src\/(package-files|kernel-files|version)\.ts$/.test(id));
    if (placed && fileName.includes('/')) throw new Error(`expected ${placed} at the top of dist/, got ${fileName}`);
    mkdirSync(dirname(built(fileName)), { recursive: true });
    // Bundlers look for names of files in quotes.
    writeFileSync(built(fileName), code.replaceAll(/\b(import\(|new URL\()`([\w@./-]+)`/g, "$1'$2'"));
  }
}

await build(ENTRIES, { groups });
await build([THREAD], false);
