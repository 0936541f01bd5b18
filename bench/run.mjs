// Runs the benchmarks, one at a time: `npm run bench` all of them, `npm run bench -- kernels` one.

import { readdirSync } from 'node:fs';

const known = readdirSync(import.meta.dirname).flatMap((file) => /^(\w+)\.bench\.mjs$/.exec(file)?.[1] ?? []);
const asked = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const unknown = asked.find((name) => !known.includes(name));
if (unknown !== undefined) {
  console.error(`expected a benchmark among ${known.join(', ')}, got ${unknown}`);
  process.exit(2);
}
for (const name of asked.length ? asked : known) {
  console.log(`\n# ${name}`);
  await import(`./${name}.bench.mjs`);
}
