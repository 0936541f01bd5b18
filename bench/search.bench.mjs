// The λ search of NeuroAL, both steps, on the embedded model: 8 windows of 512 tokens, two threads, beside the published
// method in PyTorch on the same windows, the two in turn. Needs Python with torch and the reference values beside the
// checkout; without them only this project's own seconds are printed.
//
//   npm run bench -- search        RUNS=3 npm run bench -- search for a quicker look

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machine, median } from './machine.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const runs = Number(process.env.RUNS ?? 7);
const reference = here('../../shared/reference/reference.py');
const windows = here('../../shared/reference/windows/calibration-32x512.json');
const scratch = mkdtempSync(join(tmpdir(), 'neuroal-bench-'));

function json(command, args, file) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr.trim().split('\n').at(-1)}`);
  return JSON.parse(file ? readFileSync(file, 'utf8') : stdout);
}

function ours() {
  const source = existsSync(windows) ? ['--calibration', windows] : [];
  // biome-ignore format: an option a line
  return json(process.execPath, [
    here('../dist/cli/main.js'), 'prune', here('../embedded'),
    '--out', join(scratch, 'pruned'), '--force',
    ...source,
    '--samples', '8', '--search-samples', '8', '--seq-len', '512',
    '--exhaustive', '--threads', '2', '--json',
  ]);
}

function theirs() {
  const out = join(scratch, 'reference.json');
  // biome-ignore format: an option a line
  return json('python3', [
    reference, here('../embedded'),
    '--windows', windows, '--search-samples', '8', '--step', 'both',
    '--sparsity', '0.7', '--threads', '2', '--out', out,
  ], out);
}

const python = existsSync(reference) && spawnSync('python3', ['-c', 'import torch, transformers']).status === 0;
console.log(machine());
const mine = [];
const peer = [];
const ratios = [];
for (let run = 0; run < runs; run++) {
  const a = ours();
  mine.push(a.seconds.search);
  let line = `run ${run + 1}: neuroal ${a.seconds.search.toFixed(2)} s (${a.engine.simd} SIMD, λ ${a.search.lambda.block} and ${a.search.lambda.row})`;
  if (python) {
    const b = theirs();
    peer.push(b.searchSeconds);
    ratios.push(b.searchSeconds / a.seconds.search);
    line += `, PyTorch ${b.searchSeconds.toFixed(2)} s (λ ${b.lambda.block} and ${b.lambda.row}), ratio ${ratios.at(-1).toFixed(2)}`;
  }
  console.log(line);
}
rmSync(scratch, { recursive: true, force: true });
console.log(`neuroal: median ${median(mine).toFixed(2)} s of ${runs}`);
if (python) console.log(`PyTorch: median ${median(peer).toFixed(2)} s; ${median(ratios).toFixed(2)} times as long`);
else console.log('PyTorch: left out (needs python3 with torch and transformers, and the reference values)');
