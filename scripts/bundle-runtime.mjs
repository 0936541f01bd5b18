// Puts each of neuroal/runtime and neuroal/runtime/inline into few files: a hundred modules take longer to be found than to
// run. What is loaded when it is asked for (tokenizer, chat template, WebGPU) stays apart. They lie at the top of dist/, where
// the kernels are beside them.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const dist = (path) => fileURLToPath(new URL(`../dist/${path}`, import.meta.url));

const bundle = await rolldown({
  input: { runtime: dist('runtime/index.js'), 'runtime-inline': dist('runtime/inline.js') },
  platform: 'neutral',
  external: /^@huggingface\//,
  onLog(_, { message }) {
    throw new Error(message);
  },
});
const { output } = await bundle.generate({
  format: 'es',
  chunkFileNames: 'runtime-[name].js',
  // The same code lies in dist/ to be read; in a stack the names are still there.
  minify: { compress: false, mangle: { keepNames: true }, codegen: { removeWhitespace: true } },
});
await bundle.close();
// Bundlers look for names of files in quotes.
for (const { fileName, code } of output)
  writeFileSync(dist(fileName), code.replaceAll(/\b(import\(|new URL\()`([\w@./-]+)`/g, "$1'$2'"));
