// The λ searches of NeuroAL beside the published method in PyTorch on the same windows, the two in turn, two threads: both
// steps with Wanda's scores, and the block step with the methods that update weights inside the search. Needs Python with
// torch and the reference values beside the checkout; without them only this project's own seconds are printed.
//
//   npm run bench -- search        RUNS=3 ONLY=wanda npm run bench -- search for a quicker look

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Complaint } from './complaint.mjs';
import { runs } from './contest/turns.mjs';
import { machine, median } from './machine.mjs';
import { findReference } from './peers/reference.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const shared = here('../../shared');
const reference = findReference();
const scratch = mkdtempSync(join(tmpdir(), 'neuroal-bench-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));

const searches = [
  { method: 'wanda', model: here('../embedded'), step: 'both', sparsity: 0.7, windows: '32x512', seqLen: 512 },
  {
    method: 'sparsegpt',
    model: join(shared, 'models/stories-phi'),
    step: 'block',
    sparsity: 0.6,
    windows: '16x256',
    seqLen: 256,
  },
  { method: 'admm', model: here('../embedded'), step: 'block', sparsity: 0.7, windows: '16x256', seqLen: 256 },
];

function json(command, args, file) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ended with ${status ?? signal}: ${stderr.trim().split('\n').at(-1)}`);
  return JSON.parse(file ? readFileSync(file, 'utf8') : stdout);
}

function ours({ method, model, step, sparsity, windows, seqLen }, ...more) {
  const source = join(shared, `reference/windows/calibration-${windows}.json`);
  // biome-ignore format: an option a line
  return json(process.execPath, [
    here('../dist/cli/main.js'), 'prune', model,
    '--out', join(scratch, 'pruned'), '--force',
    '--method', method, '--step', step, '--sparsity', String(sparsity),
    ...(existsSync(source) ? ['--calibration', source] : []),
    '--samples', '8', '--search-samples', '8', '--seq-len', String(seqLen),
    ...(method === 'admm' ? ['--targets', 'own'] : []),
    '--threads', '2', '--json', ...more,
  ]);
}

function theirs({ method, model, step, sparsity, windows }) {
  const out = join(scratch, 'reference.json');
  // The first 8 windows alone: what comes after the search is not what is timed.
  const first = join(scratch, 'windows.json');
  writeFileSync(
    first,
    JSON.stringify(JSON.parse(readFileSync(join(shared, `reference/windows/calibration-${windows}.json`))).slice(0, 8)),
  );
  // biome-ignore format: an option a line
  return json('python3', [
    join(reference.folder, 'reference.py'), model, '--method', method,
    '--windows', first, '--search-samples', '8', '--step', step,
    '--sparsity', String(sparsity), '--threads', '2', '--out', out,
  ], out);
}

const lambdas = ({ block, row }) => `λ ${[block, row].filter((v) => v !== null).join(' and ')}`;
const { ONLY } = process.env;
const asked = searches.filter(({ method }) => method === (ONLY ?? method));
if (asked.length === 0)
  throw new Complaint(
    `expected ONLY of ${searches.map(({ method }) => method).join(', ')}, got ${JSON.stringify(ONLY)}`,
  );
console.log(machine());
for (const search of asked) {
  if (!existsSync(search.model)) {
    console.log(`${search.method}: left out (its model is not beside the checkout)`);
    continue;
  }
  console.log(`${search.method}, step ${search.step}, 8×${search.seqLen}, ${search.model.split('/').at(-1)}`);
  const seconds = { all: [], stopped: [], peer: [] };
  for (let run = 0; run < runs; run++) {
    const all = ours(search, '--exhaustive');
    const stopped = ours(search);
    seconds.all.push(all.seconds.search);
    seconds.stopped.push(stopped.seconds.search);
    const { run: passes, exhaustive } = stopped.search.blockPasses;
    let line = `  run ${run + 1}: ${all.seconds.search.toFixed(2)} s exhaustive, ${stopped.seconds.search.toFixed(2)} s with ${passes} of ${exhaustive} block passes (${all.engine.simd} SIMD, ${lambdas(all.search.lambda)})`;
    if (!reference.missing) {
      const peer = theirs(search);
      seconds.peer.push(peer.searchSeconds);
      line += `, PyTorch ${peer.searchSeconds.toFixed(2)} s (${lambdas(peer.lambda)})`;
    }
    console.log(line);
  }
  const ratio = (own) => `${median(seconds.peer.map((s, i) => s / own[i])).toFixed(2)} times`;
  console.log(
    `  neuroal: median ${median(seconds.all).toFixed(2)} s exhaustive, ${median(seconds.stopped).toFixed(2)} s stopped early, of ${runs}`,
  );
  if (!reference.missing)
    console.log(
      `  PyTorch: median ${median(seconds.peer).toFixed(2)} s; ${ratio(seconds.all)} as long, ${ratio(seconds.stopped)} with early stopping`,
    );
}
if (reference.missing) console.log(`PyTorch: left out (${reference.missing})`);
