// Writes src/kernels-inline.js: the compiled kernels as text (deflate, base64), for neuroal/runtime/inline.

import { readFileSync, writeFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';

const text = (name) =>
  deflateRawSync(readFileSync(new URL(`../dist/kernels/${name}.wasm`, import.meta.url)), { level: 9 }).toString(
    'base64',
  );

const lines = ['plain', 'relaxed'].map((name) => `export const ${name} = '${text(name)}';\n`);
writeFileSync(
  new URL('../src/kernels-inline.js', import.meta.url),
  `// Made by scripts/inline-kernels.mjs.\n${lines.join('')}`,
);
