// Writes RESULTS.md: dense layers, sparse ones, selection, team and whole models, on this machine, as the benchmarks print them. A run that
// fails leaves the file as it was; one with fewer samples, or of a part, is printed instead of written.
//
//   node bench/results.mjs
//   NODES=/one/node:/another/node node bench/results.mjs        dense layers on these too

import { spawnSync } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runs } from './contest/turns.mjs';
import { dense } from './dense.mjs';
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

const sectionOf = ({ heading, machine, tables }) => [`## ${heading}`, '', machine, '', ...tables.map(markdownOf)];

const others = (process.env.NODES ?? '').split(delimiter).filter(Boolean);
const sections = [
  { heading: 'Dense layers', machine: machine(), tables: await dense() },
  ...others.map((node) => ({ heading: 'Dense layers, another Node', ...denseOn(node) })),
  { heading: 'Sparse matrices', machine: machine(), tables: await sparse() },
  { heading: 'Selection', machine: machine(), tables: await selection() },
  { heading: 'Team', machine: machine(), tables: await team() },
  { heading: 'Whole models', machine: machine(), tables: await prefill() },
];
const text = [
  '# Results',
  '',
  `Written by \`node bench/results.mjs\`. Contestants take turns, one sample each and never two at a time; figures are medians of ${runs} samples after one that is not counted, with the least and the most of them.`,
  '',
  ...sections.flatMap(sectionOf),
].join('\n');

if (runs < FEWEST_RUNS || process.env.SHAPES !== undefined || process.env.TOKENS !== undefined) {
  console.log(text);
} else {
  const file = here('RESULTS.md');
  const written = `${file}.${process.pid}`;
  try {
    writeFileSync(written, text);
    renameSync(written, file);
  } finally {
    rmSync(written, { force: true });
  }
}
