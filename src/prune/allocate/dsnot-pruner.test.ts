// DSnoT from folder to folder, against Wanda's masks and their swaps from statistics in plain loops, block by block on the
// inputs that the pruned blocks before give: attention layers change, MLP layers do not.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../../test/checkpoint-fixture.js';
import { layers, matrix, plainBlock, plainEmbed } from '../../../test/golden/plain-llama.js';
import { type TinyTensors, tinyConfig, tinyFolder, tinyTensors, tinyWindows } from '../../../test/golden/tiny-llama.js';
import { openSafetensors } from '../../checkpoint/safetensors.js';
import type { PruneOptions } from '../options.js';
import { prune } from '../prune.js';
import { dsnot, type InputMoments } from './dsnot.js';

const tensors = tinyTensors(tinyConfig, 41);
const windows = tinyWindows(4, 12);
const SPARSITY = 0.6;
const runs: Record<string, Partial<PruneOptions>> = {
  wanda: { topUp: 'uniform' },
  dsnot: { topUp: 'dsnot' },
  sameSign: { topUp: 'dsnot', sameSign: true },
};

let folder: string;
let home: string;
/** The weights that each run leaves. */
const pruned: Record<string, TinyTensors> = {};
beforeAll(async () => {
  folder = await tinyFolder(tinyConfig, tensors);
  home = await folderWith({ 'windows.json': JSON.stringify(windows) });
  const calibration = join(home, 'windows.json');
  for (const [name, options] of Object.entries(runs)) {
    const out = join(home, name);
    await prune({ model: folder, out, calibration, sparsity: SPARSITY, threads: 1, ...options });
    const file = await openSafetensors(join(out, 'model.safetensors'));
    pruned[name] = { ...tensors };
    for (const [tensor, { shape }] of file.tensors)
      pruned[name][tensor] = { shape: [...shape], values: [...(await file.readFloats(tensor))] };
    await file.close();
  }
});
afterAll(() => Promise.all([folder, home].map(removeFolder)));

const nameOf = (block: number, layer: string) => `model.layers.${block}.${layer}.weight`;
const maskOf = (run: string, block: number, layer: string) =>
  pruned[run][nameOf(block, layer)].values.map((v) => (v === 0 ? '0' : '1')).join('');

/** a, μ and the variance of every column of an input, over its sequences. */
function momentsOf(sequences: number[][][]): InputMoments {
  const columns = sequences[0][0].map((_, c) => sequences.map((x) => x.map((token) => token[c])));
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
  const average = (values: number[]) => sum(values) / values.length;
  return {
    activations: Float32Array.from(columns, (its) => Math.sqrt(average(its.map((x) => sum(x.map((v) => v * v)))))),
    mean: Float64Array.from(columns, (its) => average(its.map(sum))),
    variance: Float64Array.from(columns, (its) =>
      average(its.map((x) => average(x.map((v) => (v - average(x)) ** 2)))),
    ),
  };
}

/** 1 = kept, where each row loses ⌊columns·s⌋ by |W|·a. */
function wandaMask(weights: number[][], { activations }: InputMoments): number[] {
  return weights.flatMap((row) => {
    const order = [...row.keys()].sort((i, j) => Math.abs(row[i]) * activations[i] - Math.abs(row[j]) * activations[j]);
    const gone = new Set(order.slice(0, Math.floor(row.length * SPARSITY)));
    return row.map((_, c) => (gone.has(c) ? 0 : 1));
  });
}

describe('top-up dsnot', () => {
  it('changes the masks of attention layers, and leaves those of MLP layers', () => {
    // Block 0 alone has the same inputs in both runs.
    for (const [layer] of layers)
      expect([layer, maskOf('dsnot', 0, layer) === maskOf('wanda', 0, layer)]).toEqual([
        layer,
        layer.startsWith('mlp'),
      ]);
  });

  it('keeps weights as they were', () => {
    for (const run of ['dsnot', 'sameSign'])
      for (const [name, { values }] of Object.entries(pruned[run]))
        values.forEach((v, i) => {
          if (v !== 0) expect(v).toBe(Math.fround(tensors[name].values[i]));
        });
  });

  it('with the same-sign test stops rows earlier', () => {
    const swaps = (run: string) =>
      layers.map(([layer]) => {
        const before = maskOf('wanda', 0, layer);
        return [...maskOf(run, 0, layer)].filter((bit, i) => bit === '1' && before[i] === '0').length;
      });
    const total = (counts: number[]) => counts.reduce((a, b) => a + b);
    expect(total(swaps('sameSign'))).toBeGreaterThan(0);
    expect(total(swaps('sameSign'))).toBeLessThan(total(swaps('dsnot')));
  });

  it.each(['dsnot', 'sameSign'])('swaps what the statistics of each block say: %s', (run) => {
    let states = windows.map((ids) => plainEmbed(tensors, ids));
    for (const block of [0, 1, 2]) {
      const passes = states.map((x) => plainBlock(tensors, tinyConfig, block, x));
      for (const [layer, input] of layers) {
        const weights = matrix(tensors, nameOf(block, layer));
        const moments = momentsOf(passes.map((pass) => pass.inputs[input]));
        const kept = Uint8Array.from(wandaMask(weights, moments));
        if (layer.startsWith('self_attn'))
          dsnot(kept, Float32Array.from(weights.flat()), moments, weights.length, weights[0].length, {
            sameSign: run === 'sameSign',
          });
        expect(`${block} ${layer} ${maskOf(run, block, layer)}`).toBe(`${block} ${layer} ${kept.join('')}`);
      }
      states = states.map((x) => plainBlock(pruned[run], tinyConfig, block, x).out);
    }
  });
});
