// Whole pruning runs of the embedded model against the published method in PyTorch (../shared/reference/cases): λ curves,
// zeros, every single kept weight, and the perplexity of what comes out.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { perplexity } from '../../src/evaluate/perplexity.js';
import { loadModel } from '../../src/models/model.js';
import type { PruneOptions } from '../../src/prune/options.js';
import { prune } from '../../src/prune/prune.js';
import type { RunRecord } from '../../src/prune/record.js';
import { folderWith, removeFolder } from '../checkpoint-fixture.js';
import { noShared, shared } from '../setup.js';

interface Expected {
  windows: number;
  seqLen: number;
  windowsSha256: string;
  perplexity: number;
  lambda?: { block: number | null; row: number | null };
  search?: Record<'block' | 'row', { lambda: number; misalignment: number }[]>;
  layers: { name: string; block: number; rows: number; cols: number; zeros: number; keptSha256: string }[];
}

const cases = [
  'llama-wanda-neuroal-both-70',
  'llama-wanda-uniform-60-layer',
  'llama-wanda-uniform-24',
  'llama-magnitude-uniform-50',
];

/** Kept-bits of a matrix: bit j of byte k of a row is column 8k + j, rows padded to whole bytes. */
function keptBits(values: Float32Array, rows: number, columns: number): Buffer {
  const stride = Math.ceil(columns / 8);
  const bits = Buffer.alloc(rows * stride);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) if (values[r * columns + c] !== 0) bits[r * stride + (c >> 3)] |= 1 << (c & 7);
  return bits;
}

describe.skipIf(noShared).each(cases)('%s', (name) => {
  const folder = join(shared, 'reference/cases', name);
  let expected: Expected;
  let evaluation: string;
  let home: string;
  let out: string;
  let record: RunRecord;
  beforeAll(async () => {
    expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8'));
    const its = JSON.parse(await readFile(join(folder, 'case.json'), 'utf8'));
    evaluation = join(shared, its.evaluation);
    home = await folderWith();
    out = join(home, 'out');
    const { method, topUp, step, sparsity, pattern, granularity, searchSamples } = its as PruneOptions;
    const calibration = join(shared, its.calibration);
    const choice = { method, topUp, step, sparsity, pattern, granularity };
    const { windows: samples, seqLen } = expected;
    record = await prune({ ...choice, out, calibration, samples, searchSamples, seqLen, threads: 1, exhaustive: true });
  }, 120_000);
  afterAll(() => removeFolder(home));

  it('calibrates on the same windows', () => {
    expect(record.calibration.sha256).toBe(expected.windowsSha256);
  });

  it.runIf(name.includes('neuroal'))('finds the same λ on the same curves', () => {
    expect(record.search?.lambda).toEqual(expected.lambda);
    for (const step of ['block', 'row'] as const) {
      const got = record.search?.[step] ?? [];
      const curve = expected.search?.[step] ?? [];
      expect(got.map(({ lambda }) => lambda)).toEqual(curve.map(({ lambda }) => lambda));
      expect(got.map(({ misalignment }) => misalignment)).toBeAllClose(
        curve.map(({ misalignment }) => misalignment),
        0,
        1e-5,
      );
    }
  });

  it('removes exactly the same weights', async () => {
    expect(record.layers.map(({ name, block, rows, cols, zeros }) => ({ name, block, rows, cols, zeros }))).toEqual(
      expected.layers.map(({ name, block, rows, cols, zeros }) => ({ name, block, rows, cols, zeros })),
    );
    const kept = gunzipSync(await readFile(join(folder, 'kept.bin.gz')));
    const pruned = await openCheckpoint(out);
    let at = 0;
    for (const { name: layer, rows, cols, keptSha256 } of expected.layers) {
      const bits = keptBits(await pruned.readFloats(`${layer}.weight`, [rows, cols]), rows, cols);
      expect(`${layer} ${bits.equals(kept.subarray(at, at + bits.length))}`).toBe(`${layer} true`);
      expect(createHash('sha256').update(bits).digest('hex')).toBe(keptSha256);
      at += bits.length;
    }
    await pruned.close();
    expect(at).toBe(kept.length);
  });

  it('comes to the same perplexity', async () => {
    const model = await loadModel(out, { threads: 1 });
    const got = await perplexity(model, evaluation);
    await model.dispose();
    expect(Math.abs(got.perplexity / expected.perplexity - 1)).toBeLessThan(1e-4);
  });
});
