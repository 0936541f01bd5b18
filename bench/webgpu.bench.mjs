// The WebGPU backend on a GPU (npm install webgpu, and a driver); left out where there is none. Each table is printed as soon as it is
// measured, and with RESULTS=FILE all so far are written there as JSON.
//
//   npm run bench -- webgpu        PARTS=linear,token RUNS=3 npm run bench -- webgpu for a quicker look
//   node bench/webgpu.bench.mjs --adapter        the adapter alone; ends with 1 where there is none
//   LARGE=1 PEAK_TFLOPS=67 PEAK_GBS=4800 npm run bench -- webgpu      a model of 1.3 billion parameters too; the vendor's peaks

import { writeFileSync } from 'node:fs';
import { machine } from './machine.mjs';
import { textOf } from './table.mjs';
import { adapterOf, webgpu } from './webgpu.mjs';

const { RESULTS } = process.env;
const found = await adapterOf().catch((error) => error);
if (found instanceof Error) {
  console.log(`left out: ${found.message}`);
  if (process.argv.includes('--adapter')) process.exitCode = 1;
} else if (process.argv.includes('--adapter')) {
  console.log(found.about);
} else {
  const about = { adapter: found.about, machine: machine() };
  const asJson = process.argv.includes('--json');
  if (!asJson) console.log(`${about.adapter}\n${about.machine}\n`);
  const tables = [];
  for await (const table of webgpu(found.gpu)) {
    tables.push(table);
    if (!asJson) console.log(textOf(table));
    if (RESULTS) writeFileSync(RESULTS, JSON.stringify({ ...about, tables }));
    if (table.failed) process.exitCode = 1;
  }
  if (asJson) console.log(JSON.stringify({ ...about, tables }));
}
