// Writes RESULTS.md: dense layers, sparse ones, selection, team, whole models, alone and beside node-llama-cpp, and the cold
// start, on this machine, as the benchmarks print them. A run that fails leaves the file as it was; one with fewer samples, or of a part, is
// printed instead of written.
//
//   node bench/results.mjs
//   NODES=/one/node:/another/node node bench/results.mjs        dense layers on these too
//   ONLY=sparse,whole node bench/results.mjs                     these sections anew, the others as they are in the file
//   WEBGPU=webgpu.json ONLY=webgpu node bench/results.mjs        what `RESULTS=webgpu.json npm run bench -- webgpu` wrote where there is a GPU

import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cold } from './cold.mjs';
import { Complaint } from './complaint.mjs';
import { runs } from './contest/turns.mjs';
import { dense } from './dense.mjs';
import { llama } from './llama.mjs';
import { machine } from './machine.mjs';
import { prefill } from './prefill.mjs';
import { selection } from './selection.mjs';
import { sparse } from './sparse.mjs';
import { markdownOf } from './table.mjs';
import { team } from './team.mjs';

const FEWEST_RUNS = 7;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Dense layers on another Node. */
function denseOn(node) {
  const { status, signal, error, stdout } = spawnSync(node, [here('dense.bench.mjs'), '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  });
  if (status !== 0)
    throw new Error(`expected dense layers on ${node} to end with 0, got ${error?.message ?? status ?? signal}`);
  return JSON.parse(stdout);
}

/** What the benchmarks of a GPU wrote, wherever that was. */
function onGpu(path) {
  const { adapter, machine, tables } = JSON.parse(readFileSync(path, 'utf8'));
  return { machine: `${adapter}; ${machine}`, tables };
}

/** The text of each section of a RESULTS.md, by its heading. */
function sectionsIn(text) {
  const parts = text.split(/^(?=## )/m).slice(1);
  return new Map(parts.map((part) => [part.slice(3, part.indexOf('\n')), part.trimEnd()]));
}

const sectionOf = ({ heading, machine, tables }) =>
  [`## ${heading}`, '', machine, '', ...tables.map(markdownOf)].join('\n').trimEnd();

const others = (process.env.NODES ?? '').split(delimiter).filter(Boolean);
const measured = async (tables) => ({ machine: machine(), tables: await tables() });
/** Each section by its heading, and how it is measured. */
const parts = {
  'Dense layers': () => measured(dense),
  ...Object.fromEntries(
    others.map((node, i) => [`Dense layers, another Node${i ? ` (${i + 1})` : ''}`, () => denseOn(node)]),
  ),
  'Sparse matrices': () => measured(sparse),
  Selection: () => measured(selection),
  Team: () => measured(team),
  'Whole models': () => measured(prefill),
  'Llama beside node-llama-cpp': () => measured(llama),
  'Cold start': () => measured(cold),
  ...(process.env.WEBGPU && { WebGPU: () => onGpu(process.env.WEBGPU) }),
};

const file = here('RESULTS.md');
const asked = (process.env.ONLY ?? '').split(',').filter(Boolean);
const unknown = asked.find((word) => !Object.keys(parts).some((heading) => heading.toLowerCase().startsWith(word)));
if (unknown !== undefined) throw new Complaint(`expected ONLY of ${Object.keys(parts).join(', ')}, got ${unknown}`);
const before = asked.length ? sectionsIn(readFileSync(file, 'utf8')) : new Map();

const sections = [];
for (const heading of new Set([...before.keys(), ...Object.keys(parts)])) {
  const again = parts[heading] && (!asked.length || asked.some((word) => heading.toLowerCase().startsWith(word)));
  if (again) sections.push(sectionOf({ heading, ...(await parts[heading]()) }));
  else if (before.has(heading)) sections.push(before.get(heading));
}
const text = [
  '# Results',
  '',
  `Written by \`node bench/results.mjs\`. Contestants take turns, one sample each and never two at a time; figures are medians of ${runs} samples after one that is not counted, with the least and the most of them.`,
  '',
  `${sections.join('\n\n')}\n`,
].join('\n');

if (runs < FEWEST_RUNS || process.env.SHAPES !== undefined || process.env.TOKENS !== undefined) {
  console.log(text);
} else {
  const written = `${file}.${process.pid}`;
  try {
    writeFileSync(written, text);
    renameSync(written, file);
  } finally {
    rmSync(written, { force: true });
  }
}
