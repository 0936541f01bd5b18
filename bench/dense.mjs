// Dense layers of real models beside the same product in other libraries, and beside what the machine can do at most, in
// turn: y[T, out] = x[T, in]·Wᵀ in f32.

import { fileURLToPath } from 'node:url';
import { relaxedSimdSupported } from '../dist/internals.js';
import { startCeilings } from './ceilings/start.mjs';
import { Complaint } from './complaint.mjs';
import { Contestant } from './contest/contestant.mjs';
import { Field } from './contest/field.mjs';
import { runs, takeTurns } from './contest/turns.mjs';
import { median } from './machine.mjs';
import { startDensePeers } from './peers/start.mjs';
import { figure, percent, ratio, spread } from './table.mjs';

const shapes = [
  { name: 'Llama-7B q_proj', rows: 4096, columns: 4096, tokens: [1, 8, 128] },
  { name: 'Llama-7B gate_proj', rows: 11008, columns: 4096, tokens: [1, 8, 128] },
  { name: 'Mistral-7B k_proj', rows: 1024, columns: 4096, tokens: [1, 8, 128] },
  { name: 'Phi-2 fc1', rows: 10240, columns: 2560, tokens: [1, 8, 128] },
  { name: 'OPT-125m fc1', rows: 3072, columns: 768, tokens: [1, 8, 128, 512] },
  { name: 'SmolLM-135M gate_proj', rows: 1536, columns: 576, tokens: [1, 8, 128] },
];
const peerNames = ['tfjs', 'ort-web', 'ort-node', 'jax-js', 'torch'];
const builds = relaxedSimdSupported() ? ['plain', 'relaxed'] : ['plain'];

/** Those of `all` that a part of a comma-separated variable matches; without the variable all of them. */
function asked(variable, all, matches) {
  const parts = process.env[variable]?.split(',').map((part) => part.trim());
  if (!parts) return all;
  const strange = parts.find((part) => part === '' || !all.some((one) => matches(one, part)));
  if (strange !== undefined)
    throw new Complaint(
      `expected ${variable} of ${all.map((one) => one.name ?? one).join(', ')}, got ${JSON.stringify(strange)}`,
    );
  return all.filter((one) => parts.some((part) => matches(one, part)));
}

function chosen() {
  const some = asked('SHAPES', shapes, ({ name }, part) => name.toLowerCase().includes(part.toLowerCase()));
  const counts = [...new Set(some.flatMap(({ tokens }) => tokens))];
  const wanted = asked('TOKENS', counts, (count, part) => Number(part) === count);
  return some
    .map((shape) => ({ ...shape, tokens: shape.tokens.filter((count) => wanted.includes(count)) }))
    .filter(({ tokens }) => tokens.length > 0);
}

const startOurs = (simd, threads) =>
  new Contestant({
    name: 'neuroal',
    own: true,
    simd,
    threads,
    args: [fileURLToPath(new URL('contest/neuroal.mjs', import.meta.url)), simd, String(threads)],
  });

/** One shape and number of tokens: milliseconds by contestant, and the ceilings measured between them. */
async function measure(field, ceilings, tokens) {
  const limits = (tokens === 1 ? [{ of: 'stream' }] : builds.map((simd) => ({ of: 'arithmetic', simd }))).flatMap(
    (variant) => [1, 2].map((threads) => ({ ...variant, threads })),
  );
  const contestants = field.in;
  const turns = [
    ...contestants.map((c) => () => c.sample({ tokens })),
    ...limits.map(({ threads, ...variant }) => {
      return () => ceilings.sample(threads, variant);
    }),
  ];
  const samples = await takeTurns(turns, (i, error) => {
    if (i >= contestants.length) throw error;
    field.drop(contestants[i], error);
  });
  return {
    entries: contestants
      .map((contestant, i) => ({ contestant, milliseconds: samples[i] }))
      .filter((e) => e.milliseconds),
    limits: limits.map((limit, i) => ({ ...limit, samples: samples[contestants.length + i] })),
  };
}

/** Rows for what was measured of one shape and number of tokens: our share of the ceiling and the peers, and all figures. */
function rowsOf({ name, rows, columns }, tokens, { entries, limits }) {
  const gigaflop = (2 * rows * columns * tokens) / 1e9;
  const gigabytes = (4 * rows * columns) / 1e9;
  const place = [`${name} ${rows}×${columns}`, String(tokens)];
  const rates = (work, milliseconds) => milliseconds.map((ms) => (1000 * work) / ms);
  const bandwidth = (milliseconds) => (tokens === 1 ? figure(median(rates(gigabytes, milliseconds))) : '–');
  const ours = entries.filter(({ contestant }) => contestant.own);

  const summary = ours.map(({ contestant: { simd, threads }, milliseconds }) => {
    const limit = limits.find((l) => l.threads === threads && (l.of === 'stream' || l.simd === simd));
    const reached = median(rates(tokens === 1 ? gigabytes : gigaflop, milliseconds));
    const alone = ours.find(({ contestant: c }) => c.simd === simd && c.threads === 1);
    const peers = peerNames.map((peer) => {
      const entry = entries.find(({ contestant: c }) => c.name === peer && c.threads === threads);
      return ratio(entry?.milliseconds, milliseconds);
    });
    return [
      ...place,
      simd,
      String(threads),
      figure(median(rates(gigaflop, milliseconds))),
      bandwidth(milliseconds),
      percent(reached / median(limit.samples.map((s) => s.median))),
      threads === 1 ? '–' : ratio(alone.milliseconds, milliseconds),
      ...peers,
    ];
  });

  const details = entries.map(({ contestant, milliseconds }) => [
    ...place,
    [contestant.name, contestant.simd].filter(Boolean).join(' '),
    String(contestant.threads),
    spread(milliseconds),
    spread(rates(gigaflop, milliseconds)),
    bandwidth(milliseconds),
  ]);

  const ceilings = limits.map(({ of, simd, threads, samples }) => [
    ...place,
    of === 'stream' ? 'reading memory, GB/s' : `arithmetic ${simd}, GFLOP/s`,
    String(threads),
    spread(samples.map((s) => s.median)),
    figure(Math.max(...samples.map((s) => s.best))),
  ]);
  return { summary, details, ceilings };
}

export async function dense() {
  const wanted = chosen();
  const ceilings = await startCeilings();
  const field = new Field([
    ...builds.flatMap((simd) => [startOurs(simd, 1), startOurs(simd, 2)]),
    ...startDensePeers(),
  ]);
  const all = { summary: [], details: [], ceilings: [] };
  try {
    for (const { tokens: counts, ...shape } of wanted) {
      await field.open({ kind: 'linear', rows: shape.rows, columns: shape.columns });
      for (const tokens of counts) {
        console.error(`dense: ${shape.name}, T = ${tokens}, ${runs} samples of each`);
        const rows = rowsOf(shape, tokens, await measure(field, ceilings, tokens));
        for (const [table, added] of Object.entries(rows)) all[table].push(...added);
      }
    }
  } finally {
    await Promise.all([ceilings.stop(), field.stop()]);
  }

  const memory = 'For T = 1 the ceiling is reading memory; weights that fit into a cache may be above it.';
  return [
    {
      title: 'Dense layers: neuroal beside its peers and the ceiling',
      notes: [
        `Contestants: ${[...field.about].join(', ')}; one process each, ${runs} samples of each in turn.`,
        `A column with a peer's name says how many times as long it took with as many threads. ${memory}`,
        ...field.reasons,
      ],
      head: ['layer', 'T', 'build', 'threads', 'GFLOP/s', 'GB/s', 'of ceiling', 'of one thread', ...peerNames],
      rows: all.summary,
    },
    {
      title: 'Dense layers: all figures',
      notes: [`Median (least–most) of ${runs} samples; GB/s of weights.`],
      head: ['layer', 'T', 'contestant', 'threads', 'ms', 'GFLOP/s', 'GB/s'],
      rows: all.details,
    },
    {
      title: 'Ceilings, measured between the samples of the contestants',
      notes: [
        `Arithmetic: multiply-adds on registers alone, the median of many short calls (least–most of ${runs} samples) and the best call. Memory: 1 GiB read as ${ceilings.pattern}, the fastest of five ways.`,
      ],
      head: ['layer', 'T', 'ceiling', 'threads', 'median', 'best'],
      rows: all.ceilings,
    },
  ];
}
