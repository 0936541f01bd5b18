// A whole model beside node-llama-cpp with the same weights, dense and pruned by magnitude: a prompt of 512 tokens, then 64
// tokens one by one. Contestants with as many threads take turns.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prune } from '../dist/index.js';
import { Contestant } from './contest/contestant.mjs';
import { Field } from './contest/field.mjs';
import { runs, takeTurns } from './contest/turns.mjs';
import { median } from './machine.mjs';
import { writeRandomLlamaGguf } from './peers/llama-gguf.mjs';
import { startLlamaCpp } from './peers/start.mjs';
import { SMALL, writeRandomLlama } from './random-llama.mjs';
import { figure, ratio, spread } from './table.mjs';

const PROMPT_TOKENS = 512;
const NEW_TOKENS = 64;
const SPARSITY = 0.7;

const tokens = Array.from({ length: PROMPT_TOKENS }, (_, i) => (7919 * (i + 1)) % SMALL.vocabulary);
const job = { prompt: tokens, next: tokens.slice(0, NEW_TOKENS) };

/**
 * Forms of the model in neuroal's memory: the checkpoint's dtype, whether it is pruned, and options of loadModel. `within` is
 * how far its logits may be from those of `reference`, as a share of these (root mean squares); a pruned one is another model.
 */
const ours = [
  { name: 'neuroal f32', dtype: 'F32', within: 0.05 },
  { name: 'neuroal bf16', dtype: 'BF16', within: 0.05 },
  { name: 'neuroal f32, 70 % zeros', dtype: 'F32', pruned: true },
  { name: 'neuroal bf16, 70 % zeros', dtype: 'BF16', pruned: true },
  { name: 'neuroal int8', dtype: 'F32', options: { values: 'int8' }, within: 0.05 },
];
const reference = 'neuroal f32';

/** Types of the matrices in node-llama-cpp's files; its cache of keys and values is in f16 in any case. */
const theirs = [
  { name: 'node-llama-cpp f32', type: 'f32', within: 0.01 },
  { name: 'node-llama-cpp f16', type: 'f16', within: 0.01 },
  { name: 'node-llama-cpp q8_0', type: 'q8_0', within: 0.1 },
];

/** Ways to do it, of which the fastest counts, for each part: what keys and values are kept as; how the next token is asked for. */
const waysOf = ({ own }) => (own ? ['f32', 'bf16'] : ['evaluate', 'controlledEvaluate']);

/** How many times as fast `of` must be as `beside`, and shall be. Those of a form that does not take part are not printed. */
const goals = [
  ...['neuroal f32, 70 % zeros', 'neuroal bf16, 70 % zeros'].flatMap((of) => [
    { of, beside: 'node-llama-cpp f32', part: 'prefill', must: 1.7, goal: 2.3 },
    { of, beside: 'node-llama-cpp f32', part: 'decode', must: 1.6, goal: 2 },
  ]),
  { of: 'neuroal int8', beside: 'node-llama-cpp q8_0', part: 'decode', must: 1.2, goal: 1.8 },
  { of: 'neuroal int8', beside: 'neuroal f32', part: 'decode', must: 3, goal: 3.5 },
];

const folderOf = ({ dtype, pruned = false }) => (pruned ? `${dtype}-pruned` : dtype);

/** All models that contestants load, as folders and files in `scratch`. */
async function writeModels(scratch) {
  // Magnitudes need no text, but prune asks for some.
  const calibration = join(scratch, 'windows.json');
  await writeFile(calibration, JSON.stringify([tokens.slice(0, 8)]));
  for (const dtype of new Set(ours.map((form) => form.dtype))) {
    const model = join(scratch, folderOf({ dtype }));
    await mkdir(model);
    await writeRandomLlama(model, SMALL, { dtype });
    if (ours.some((form) => form.pruned && form.dtype === dtype))
      await prune({
        model,
        out: join(scratch, folderOf({ dtype, pruned: true })),
        method: 'magnitude',
        topUp: 'uniform',
        sparsity: SPARSITY,
        rounding: 'exact',
        calibration,
        samples: 1,
        seqLen: 8,
      });
  }
  for (const { type } of theirs) await writeRandomLlamaGguf(join(scratch, `${type}.gguf`), SMALL, type);
}

function start(scratch, threads) {
  const script = fileURLToPath(new URL('contest/model.mjs', import.meta.url));
  return [
    ...ours.map((form) => {
      const args = [script, join(scratch, folderOf(form)), String(threads), JSON.stringify(form.options ?? {})];
      return new Contestant({ name: form.name, threads, own: true, args });
    }),
    ...theirs.map(({ name, type }) => startLlamaCpp({ name, threads, file: join(scratch, `${type}.gguf`) })),
  ];
}

/** Root mean square. */
const size = (values) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

/** How far the logits of each after the prompt are from those of the reference; one that is too far off is out. */
async function compare(field) {
  const logitsOf = (contestant, way) => contestant.sample({ of: 'logits', way });
  const [exact] = waysOf({ own: true });
  const expected = await logitsOf(
    field.in.find(({ name }) => name === reference),
    exact,
  );
  const distances = new Map();
  for (const { name, within } of [...ours, ...theirs].filter((form) => form.within !== undefined)) {
    const contestant = field.in.find((c) => c.name === name);
    if (!contestant) continue;
    try {
      // Those of the reference are what others are compared with; node-llama-cpp has the same in either way.
      const ways = contestant.own ? waysOf(contestant) : waysOf(contestant).slice(0, 1);
      for (const way of ways.filter((way) => name !== reference || way !== exact)) {
        const logits = await logitsOf(contestant, way);
        const distance = size(expected.map((v, id) => logits[id] - v)) / size(expected);
        if (!(distance <= within))
          throw new Error(`expected logits within ${within} of those of ${reference}, got ${distance}`);
        distances.set(`${name}, ${way}`, distance);
      }
    } catch (error) {
      field.drop(contestant, error);
    }
  }
  return distances;
}

/** Samples by contestant and way, in turn. */
async function measure(field) {
  const entries = field.in.flatMap((contestant) => waysOf(contestant).map((way) => ({ contestant, way })));
  const samples = await takeTurns(
    entries.map(
      ({ contestant, way }) =>
        () =>
          contestant.sample({ of: 'speed', way }),
    ),
    (i, error) => field.drop(entries[i].contestant, error),
  );
  return entries.map((entry, i) => ({ ...entry, samples: samples[i] })).filter((entry) => entry.samples);
}

const timesOf = (entry, part) => entry.samples.map((sample) => sample[part]);

/** Milliseconds of a part in the way in which this contestant is fastest. */
function fastest(entries, name, part) {
  const ways = entries.filter(({ contestant }) => contestant.name === name).map((entry) => timesOf(entry, part));
  return ways.sort((a, b) => median(a) - median(b))[0];
}

/** Rows for contestants of one number of threads. */
function rowsOf(threads, entries, distances) {
  const against = goals
    .filter(({ of }) => ours.some(({ name }) => name === of))
    .map(({ of, beside, part, must, goal }) => [
      `${of} beside ${beside}`,
      part,
      String(threads),
      ratio(fastest(entries, beside, part), fastest(entries, of, part)),
      `${must}×`,
      `${goal}×`,
    ]);
  const figures = entries.map((entry) => {
    const { name } = entry.contestant;
    const first = entry === entries.find(({ contestant }) => contestant === entry.contestant);
    const distance = distances.get(`${name}, ${entry.way}`);
    const { loading, peakBytes } = entry.samples.at(-1);
    const perSecond = (count, part) => spread(timesOf(entry, part).map((ms) => (1000 * count) / ms));
    return [
      name,
      entry.way,
      String(threads),
      perSecond(PROMPT_TOKENS, 'prefill'),
      perSecond(NEW_TOKENS, 'decode'),
      // Of the process, whichever way it went.
      first ? figure(loading / 1000) : '–',
      first ? figure(peakBytes / 1e6) : '–',
      distance === undefined ? '–' : distance.toPrecision(2),
    ];
  });
  return { against, figures };
}

export async function llama() {
  const scratch = await mkdtemp(join(tmpdir(), 'neuroal-bench-'));
  const all = { against: [], figures: [], about: new Set(), reasons: [] };
  try {
    console.error('llama: writing the models');
    await writeModels(scratch);
    for (const threads of [1, 2]) {
      const field = new Field(start(scratch, threads));
      try {
        await field.open(job);
        console.error(`llama: ${threads} ${threads > 1 ? 'threads' : 'thread'}, ${runs} samples of each`);
        const entries = await measure(field);
        // Last: logits of a whole vocabulary in JavaScript would add to the memory.
        const distances = await compare(field);
        const counted = entries.filter(({ contestant }) => field.in.includes(contestant));
        const { against, figures } = rowsOf(threads, counted, distances);
        all.against.push(...against);
        all.figures.push(...figures);
        for (const line of field.about) all.about.add(line);
        all.reasons.push(...field.reasons);
      } finally {
        await field.stop();
      }
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const { hidden, layers, intermediate, heads, vocabulary } = SMALL;
  return [
    {
      title: 'A whole model: how many times as fast as node-llama-cpp',
      notes: [
        `Contestants: ${[...all.about].join(', ')}; one process each, ${runs} samples of each in turn, those with as many threads.`,
        `A random Llama of hidden ${hidden}, ${layers} layers, intermediate ${intermediate}, ${heads} heads, vocabulary ${vocabulary}; a prompt of ${PROMPT_TOKENS} tokens, then ${NEW_TOKENS} one by one. Zeros are in the linear layers of the blocks, ${100 * SPARSITY} % of each row by magnitude; node-llama-cpp runs the dense weights. Of the two ways of each the faster one counts, for each part: neuroal with keys and values of f32 and of bf16 (node-llama-cpp has f16 in any case), node-llama-cpp with evaluate and with controlledEvaluate.`,
        ...all.reasons,
      ],
      head: ['what', 'part', 'threads', 'measured', 'must', 'goal'],
      rows: all.against,
    },
    {
      title: 'The same model: all figures',
      notes: [
        `Tokens/s as median (least–most) of ${runs} samples. Distance is that of the logits after the prompt from those of ${reference} with keys and values of f32, as a share of these (root mean squares): the dense models are the same.`,
      ],
      head: ['contestant', 'way', 'threads', 'prefill', 'decode', 'loaded in s', 'peak memory MB', 'distance'],
      rows: all.figures,
    },
  ];
}
