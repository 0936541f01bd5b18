// Makes the folder that is zipped and uploaded: one script, with the kernels in it, and the model beside it.
//
//   node examples/lambda/build.mjs [MODEL]        a folder; the model of the package where none is given

import { cp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { embeddedFolder } from 'neuroal';
import { modelFiles } from '../model-files.mjs';

const here = import.meta.dirname;
const out = join(here, 'dist');
/** What Lambda takes, unzipped. */
const MOST_BYTES = 250e6;

async function makeFunction(model = embeddedFolder) {
  const names = await modelFiles(model);
  await rm(out, { recursive: true, force: true });
  await build({
    entryPoints: [join(here, 'handler.mjs')],
    outfile: join(out, 'handler.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minify: true,
  });
  await mkdir(join(out, 'model'));
  for (const name of names) await cp(join(model, name), join(out, 'model', name));
  const files = await readdir(out, { recursive: true, withFileTypes: true });
  let bytes = 0;
  for (const file of files) if (file.isFile()) bytes += (await stat(join(file.parentPath, file.name))).size;
  if (bytes > MOST_BYTES)
    throw new Error(`expected at most ${MOST_BYTES / 1e6} MB, got ${(bytes / 1e6).toFixed(0)} MB`);
  return { out, bytes };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { bytes } = await makeFunction(process.argv[2]).catch(({ message }) => {
    console.error(message);
    process.exit(2);
  });
  console.log(
    `${out}: ${(bytes / 1e6).toFixed(1)} MB of at most ${MOST_BYTES / 1e6} MB; handler.handler is the function`,
  );
}
