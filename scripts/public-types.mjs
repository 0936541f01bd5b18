// Leaves in dist/ the declarations that an entry of the package names, or that these name in turn: nobody can ask for others.

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

const named = new Set(Object.values(exports).flatMap(({ types }) => (types ? [new URL(types, root).href] : [])));
for (const file of named)
  for (const [, name] of readFileSync(new URL(file), 'utf8').matchAll(/\b(?:from |import\()['"](\.[^'"]+)\.js['"]/g))
    named.add(new URL(`${name}.d.ts`, file).href);

const files = new Set([...named].map((file) => fileURLToPath(file)));
const dist = fileURLToPath(new URL('dist', root));
for (const name of readdirSync(dist, { recursive: true }))
  if (name.endsWith('.d.ts') && !files.has(join(dist, name))) rmSync(join(dist, name));
