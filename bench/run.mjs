// Runs the benchmarks, one at a time: `npm run bench` all of them, `npm run bench -- kernels` one.

import { readdirSync } from 'node:fs';
import { Complaint } from './complaint.mjs';

const known = readdirSync(import.meta.dirname).flatMap((file) => /^(\w+)\.bench\.mjs$/.exec(file)?.[1] ?? []);
const asked = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const unknown = asked.find((name) => !known.includes(name));
if (unknown !== undefined) throw new Complaint(`expected a benchmark among ${known.join(', ')}, got ${unknown}`);
for (const name of asked.length ? asked : known) {
  console.log(`\n# ${name}`);
  await import(`./${name}.bench.mjs`);
}
