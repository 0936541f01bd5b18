// The calibration draw from a shard of the size of C4's first: 356,317 documents, some 800 MB of text, made here. What
// it takes: seconds, and the largest memory of a process that does nothing else.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { embeddedFolder, embeddedTexts } from '../dist/index.js';
import { calibrationWindows, loadTokenizer, readSource, windowsSha256 } from '../dist/internals.js';

const documents = Number(process.env.DOCUMENTS ?? 356_317);
const [samples, seqLen] = [128, 2048];

/** Writes documents whose lengths spread as those of C4 do (log-normal, 2.2 kB in the mean). */
async function writeShard(path) {
  const words = readFileSync(embeddedTexts.evaluation, 'utf8');
  let state = 1;
  const random = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const file = createWriteStream(path);
  const packed = path.endsWith('.gz') ? createGzip({ level: 1 }) : null;
  packed?.pipe(file);
  const out = packed ?? file;
  let bytes = 0;
  for (let i = 0; i < documents; i++) {
    const normal = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
    const length = Math.min(100_000, Math.round(Math.exp(7.15 + 1.05 * normal)));
    let text = '';
    while (text.length < length) {
      const begin = Math.floor(random() * (words.length - 400));
      text += words.slice(begin, begin + Math.min(400, length - text.length));
    }
    const line = `${JSON.stringify({ text, timestamp: '2019-04-25T12:57:54Z', url: `https://example.org/${i}` })}\n`;
    bytes += line.length;
    if (!out.write(line)) await once(out, 'drain');
  }
  out.end();
  await once(file, 'finish');
  return bytes;
}

/** In a process of its own: draws, and prints what that took. */
async function draw(path, tokenizerFolder) {
  const tokenizer = await loadTokenizer(tokenizerFolder);
  const before = process.resourceUsage().maxRSS;
  const started = performance.now();
  const source = await readSource(path, { use: 'calibration' });
  const counted = performance.now();
  const windows = await calibrationWindows(source, tokenizer, {
    samples,
    seqLen,
    defaultSeqLen: seqLen,
    seed: 0,
    vocabSize: 2 ** 20,
  });
  const ended = performance.now();
  console.log(
    JSON.stringify({
      documents: source.documents.length,
      count: (counted - started) / 1000,
      draw: (ended - counted) / 1000,
      before: before / 1024,
      peak: process.resourceUsage().maxRSS / 1024,
      sha256: windowsSha256(windows),
    }),
  );
}

export async function drawing() {
  const { TOKENIZER = embeddedFolder } = process.env;
  const folder = mkdtempSync(join(tmpdir(), 'neuroal-bench-draw-'));
  try {
    const rows = [];
    const sums = new Set();
    for (const name of ['shard.json.gz', 'shard.jsonl']) {
      const path = join(folder, name);
      const bytes = await writeShard(path);
      const self = fileURLToPath(import.meta.url);
      const { status, stdout, stderr } = spawnSync(process.execPath, [self, 'draw', path, TOKENIZER], {
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(`expected the draw to end with 0, got ${status}: ${stderr}`);
      const { count, draw: drawn, before, peak, sha256 } = JSON.parse(stdout);
      sums.add(sha256);
      const megabytes = (value) => (value / 2 ** 20).toFixed(0);
      rows.push([
        name,
        megabytes(statSync(path).size),
        megabytes(bytes),
        count.toFixed(1),
        drawn.toFixed(1),
        before.toFixed(0),
        peak.toFixed(0),
      ]);
      rmSync(path);
    }
    if (sums.size !== 1) throw new Error('expected the same windows of both forms, got others');
    return [
      {
        title: `Drawing ${samples} windows of ${seqLen} tokens from ${documents} documents`,
        notes: [
          'One run of each, in a process of its own; memory is the largest resident set of it, before and after.',
        ],
        head: ['shard', 'MiB', 'MiB of text', 'count s', 'draw s', 'MiB before', 'MiB peak'],
        rows,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[2] === 'draw' && process.argv[1] === fileURLToPath(import.meta.url))
  await draw(process.argv[3], process.argv[4]);
