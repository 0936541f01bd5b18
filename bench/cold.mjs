// The cold start: how long an import takes, and how long it is from the start of a process to the first token. Each sample
// is a fresh process; contestants take turns. The files have been read before, so that they come from the system's cache.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runs, takeTurns } from './contest/turns.mjs';
import { median } from './machine.mjs';
import { writeFolderGguf } from './peers/llama-gguf.mjs';
import { spread } from './table.mjs';

const run = promisify(execFile);
const file = (name) => fileURLToPath(new URL(name, import.meta.url));

/** What must hold on an idle machine, in milliseconds. */
const MOST_IMPORT = 30;
const MOST_FIRST_TOKEN = 150;

const OWN = 'neuroal/runtime';

/** Those of our own must run; another one may be missing. */
const contestants = (gguf) => [
  { name: 'an empty script', own: true, args: [file('cold/nothing.mjs')] },
  { name: OWN, own: true, args: [file('cold/neuroal.mjs'), OWN] },
  { name: 'neuroal', own: true, args: [file('cold/neuroal.mjs'), 'neuroal'] },
  { name: 'node-llama-cpp', args: [file('peers/cold-start.mjs'), 'node-llama-cpp', gguf] },
  ...['@huggingface/transformers', 'onnxruntime-node', '@jax-js/jax'].map((name) => ({
    name,
    args: [file('peers/cold-start.mjs'), name],
  })),
];

async function sample({ args }) {
  try {
    const { stdout } = await run(process.execPath, args);
    return JSON.parse(stdout.trim().split('\n').at(-1));
  } catch (error) {
    throw new Error((error.stderr || error.message).trim().split('\n')[0], { cause: error });
  }
}

export async function cold() {
  const scratch = await mkdtemp(join(tmpdir(), 'neuroal-cold-'));
  try {
    const gguf = join(scratch, 'embedded.gguf');
    await writeFolderGguf(gguf, file('../embedded'));
    const all = contestants(gguf);
    const reasons = [];
    console.error(`cold start: ${runs} processes of each`);
    const samples = await takeTurns(
      all.map((contestant) => () => sample(contestant)),
      (i, error) => {
        if (all[i].own) throw error;
        reasons.push(`Left out: ${all[i].name} (${error.message}).`);
      },
    );
    const of = (name, key) => samples[all.findIndex((c) => c.name === name)]?.map((s) => s[key]);
    const rows = all.flatMap(({ name }, i) => {
      if (!samples[i]) return [];
      const [{ about, token }] = samples[i];
      const values = (key, scale = 1) => spread(samples[i].map((s) => s[key] * scale));
      const first = samples[i][0].firstToken === null ? '–' : values('firstToken');
      return [
        [about === name ? name : about, values('importing'), first, String(token ?? '–'), values('peakBytes', 1e-6)],
      ];
    });
    const verdict = (what, value, most) =>
      `${what}: ${value.toFixed(0)} ms, must be below ${most} ms: ${value < most ? 'held' : 'NOT held'}.`;
    return [
      {
        title: 'Cold start',
        notes: [
          `A process each, ${runs} samples in turn: median (least–most). Times in milliseconds; the first token counts from the start of the process, whose first ${spread(of('an empty script', 'began'))} are Node's own. The model is the embedded one, the prompt "Once upon a time", one thread, greedy.`,
          'node-llama-cpp reads the same weights from GGUF. The others have no model in a format of theirs here: their import alone is measured.',
          ...reasons,
          verdict('Import', median(of(OWN, 'importing')), MOST_IMPORT),
          verdict('First token', median(of(OWN, 'firstToken')), MOST_FIRST_TOKEN),
        ],
        head: ['what', 'import', 'first token', 'its id', 'peak memory MB'],
        rows,
      },
    ];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
