// Makes what is deployed: the script, the kernels as a module of WebAssembly, and the model as static assets. `npx wrangler
// deploy` in this folder uploads it; `workerd serve worker.capnp` runs it here.
//
//   node examples/cloudflare/build.mjs [MODEL]        a folder; the model of the package where none is given

import { cp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { embeddedFolder } from 'neuroal';
import { modelFiles } from '../model-files.mjs';

const here = import.meta.dirname;
const out = join(here, 'dist');
const kernels = fileURLToPath(new URL('kernels/plain.wasm', import.meta.resolve('neuroal')));
/** What Cloudflare takes as one file. */
const MOST_BYTES = 25 * 1024 * 1024;

async function makeWorker(model = embeddedFolder) {
  const names = await modelFiles(model);
  await rm(out, { recursive: true, force: true });
  await build({
    entryPoints: [join(here, 'worker.mjs')],
    outfile: join(out, 'worker.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'browser',
    minify: true,
    external: ['./kernels.wasm'],
    define: { MODEL_FILES: JSON.stringify(names) },
  });
  await cp(kernels, join(out, 'kernels.wasm'));
  await mkdir(join(out, 'assets/model'), { recursive: true });
  for (const name of names) await cp(join(model, name), join(out, 'assets/model', name));
  const files = [];
  for (const entry of await readdir(out, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size } = await stat(path);
    if (size > MOST_BYTES)
      throw new Error(
        `${path}: expected at most ${MOST_BYTES} bytes, got ${size}: prune the model, or store it as sparse`,
      );
    files.push({ path: path.slice(out.length + 1), bytes: size });
  }
  return { out, files };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { files } = await makeWorker(process.argv[2]).catch(({ message }) => {
    console.error(message);
    process.exit(2);
  });
  for (const { path, bytes } of files) console.log(`${String(bytes).padStart(9)}  ${path}`);
}
