// Zero-shot tasks: questions a second of ARC-easy with TinyStories-656K, beside lm-evaluation-harness on PyTorch with the same
// model, file, documents and threads, in turn. Needs the data beside the checkout and, for the peer, Python with lm_eval.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './machine.mjs';
import { figure, ratio, spread } from './table.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const shared = here('../../shared');
const model = join(shared, 'data/models/TinyStories-656K');
const data = join(shared, 'data/tasks/columns');
const task = 'arc_easy';
const python = process.env.PYTHON ?? 'python3';

const runs = Number(process.env.RUNS ?? 5);
const limit = process.env.LIMIT ?? '400';
const threads = process.env.THREADS ?? '2';

const contestants = [
  {
    name: 'neuroal',
    command: process.execPath,
    args: [here('contest/evaluate.mjs'), model, data, task, limit, threads],
  },
  ...[1, 16].map((batch) => ({
    name: `lm-eval, batches of ${batch}`,
    command: python,
    args: [here('peers/lm_eval_peer.py'), model, data, task, limit, threads, String(batch)],
  })),
];

/** What one run printed, or the reason why there is none. */
function measure({ command, args }) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status === 0) return JSON.parse(stdout.trim().split('\n').at(-1));
  throw new Error(error?.message ?? stderr.trim().split('\n').at(-1));
}

export async function tasks() {
  if (!existsSync(model) || !existsSync(data)) throw new Error(`expected ${model} and ${data}, got neither or one`);
  const taken = new Map(contestants.map(({ name }) => [name, []]));
  const about = new Map();
  const reasons = [];
  for (let run = 0; run < runs; run++)
    for (const contestant of contestants.filter(({ name }) => taken.has(name))) {
      console.error(`tasks: run ${run + 1} of ${runs}, ${contestant.name}`);
      try {
        const result = measure(contestant);
        about.set(contestant.name, result);
        taken.get(contestant.name).push(result.seconds);
      } catch (error) {
        if (contestant.name === 'neuroal') throw error;
        taken.delete(contestant.name);
        reasons.push(`${contestant.name} is left out: ${error.message}.`);
      }
    }
  const ours = taken.get('neuroal');
  return [
    {
      title: 'Zero-shot: questions of ARC-easy with TinyStories-656K',
      notes: [
        `${limit} documents of four choices, ${threads} threads, ${runs} runs of each in turn, a process each; from reading the file to the results, without loading the model.`,
        ...reasons,
      ],
      head: ['contestant', 'questions/s', 'seconds', 'times as long as neuroal', 'acc', 'about'],
      rows: [...taken].map(([name, seconds]) => [
        name,
        figure(about.get(name).documents / median(seconds)),
        spread(seconds),
        name === 'neuroal' ? '–' : ratio(seconds, ours),
        String(about.get(name).acc),
        about.get(name).about,
      ]),
    },
  ];
}
