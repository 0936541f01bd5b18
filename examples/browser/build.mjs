// Makes the page: its scripts, the kernels, and two models: the embedded one, and the same with 70 % of its weights at zero,
// the rest fitted by ADMM, stored without the zeros. That takes some seconds.
//
//   node examples/browser/build.mjs

import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { embeddedFolder, prune } from 'neuroal';

const here = import.meta.dirname;
const out = join(here, 'dist');
const kernels = fileURLToPath(new URL('kernels/', import.meta.resolve('neuroal')));
const PAGE = ['index.html', 'page.css', 'page.js'];
const FILES = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

/** Each worker is a script of its own: the page names them by their files. */
const SCRIPTS = [
  { in: join(here, 'models.js'), out: 'models' },
  { in: 'neuroal/runtime/worker', out: 'thread' },
];

async function copyModel(folder, name) {
  await mkdir(join(out, 'models', name), { recursive: true });
  const there = await readdir(folder);
  for (const file of FILES) if (there.includes(file)) await cp(join(folder, file), join(out, 'models', name, file));
}

async function makePage() {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  for (const file of PAGE) await cp(join(here, file), join(out, file));
  await build({ entryPoints: SCRIPTS, outdir: out, bundle: true, format: 'esm', platform: 'browser', minify: true });
  await cp(kernels, join(out, 'kernels'), { recursive: true });
  await copyModel(embeddedFolder, 'dense');
  const pruned = join(out, 'pruned');
  // As on the command line: neuroal prune embedded --out … --method admm --top-up uniform --samples 16 --seq-len 256
  // --format sparse, at the sparsity of 0.7 that is the default.
  await prune({
    model: embeddedFolder,
    out: pruned,
    method: 'admm',
    topUp: 'uniform',
    samples: 16,
    seqLen: 256,
    format: 'sparse',
  });
  await copyModel(pruned, 'pruned');
  await rm(pruned, { recursive: true });
  return out;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await makePage());
