// What dense targets ask of every layer of every family, against the formula in plain loops: YᵀX_S with Y = X_D·Wᵀ, and
// where the layer's output joins the residual stream with a factor f, + (r_D − r_S) / f. That the stream it is said to
// join is that stream shows in what the block puts out.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LinearLayer, Weights } from '../../src/models/graph.js';
import { loadBlock, tensorOf } from '../../src/models/weights.js';
import { allocate } from '../../src/prune/allocation.js';
import { DenseTargets } from '../../src/prune/dense-targets.js';
import type { LayerPruner } from '../../src/prune/layer-pruner.js';
import { inputsOf, PrunedBlock } from '../../src/prune/pruned-block.js';
import { BlockStream } from '../../src/prune/stream.js';
import { removeFolder } from '../checkpoint-fixture.js';
import { contextOf, type TestContext } from '../prune-context.js';
import { folderOf, models } from './tiny-families.js';

describe.each(Object.entries(models))('%s', (_, golden) => {
  let folder: string;
  let context: TestContext;
  beforeAll(async () => {
    folder = await folderOf(golden);
    context = await contextOf(folder, golden.windows, { method: 'admm', topUp: 'uniform' });
  });
  afterAll(async () => {
    await context.close();
    await removeFolder(folder);
  });

  it('fits each layer to what the dense model computes', async () => {
    const { checkpoint, graph, backend, outer, windows } = context;
    const asked = new Map<string, Float64Array>();
    /** Takes a tenth off every weight, and notes what it was to fit. */
    const pruner: LayerPruner = {
      needs: { gram: true },
      async prune({ block, tasks }) {
        for (const { layer, dense, out, correlation } of tasks) {
          backend.scale(out, dense, 0.9);
          asked.set(`${block} ${layer.name}`, await backend.read(correlation!));
        }
      },
    };
    const stream = new DenseTargets(context, new PrunedBlock(backend, graph, pruner));
    const [target] = allocate(graph, () => 0.5);
    const [ownDense, ownPruned] = [0, 1].map(() => new BlockStream(graph, backend, windows));
    const [denseStates, prunedStates] = [ownDense.embed(outer), ownPruned.embed(outer)];
    for (const block of [0, 1]) {
      const dense = await loadBlock(checkpoint, graph, backend, block);
      const task = { block, dense, targets: target };
      const pruned = await stream.prune(task);
      let before: Weights = dense;
      for (const input of inputsOf(graph)) {
        const layers = graph.linears.filter((layer) => layer.input === input);
        const [d, s] = [
          ownDense.input(block, dense, denseStates[0], input),
          ownPruned.input(block, before, prunedStates[0], input),
        ];
        const [xD, xS] = [await backend.read(d.x), await backend.read(s.x)];
        const [rD, rS] = [
          d.residual && (await backend.read(d.residual)),
          s.residual && (await backend.read(s.residual)),
        ];
        for (const layer of layers) {
          const w = await backend.read(tensorOf(dense, `${layer.name}.weight`));
          const expected = correlationOf(layer, w, xD, xS, rD!, rS!);
          expect(asked.get(`${block} ${layer.name}`)!).toBeAllClose(
            expected,
            1e-4 * Math.max(...expected.map(Math.abs)),
            0,
          );
          before = new Map([...before, [`${layer.name}.weight`, tensorOf(pruned, `${layer.name}.weight`)]]);
          if (layer.joins === null || input !== inputsOf(graph).at(-1)) continue;
          // What the block puts out is that stream and, with its factor, what the last layer makes of its input.
          const out = ownDense.allocate();
          await ownDense.run(block, dense, denseStates, out);
          const [y, made] = [await backend.read(out[0]), productOf(layer, w, xD)];
          const bias = layer.bias
            ? await backend.read(tensorOf(dense, `${layer.name}.bias`))
            : new Float32Array(layer.rows);
          const rest = y.map((v, i) => v - rD![i] - layer.joins! * (made[i] + bias[i % layer.rows]));
          // Of a parallel block, what attention adds is in there too.
          if (graph.linears.filter(({ joins }) => joins !== null).length === 2)
            expect(rest).toBeAllClose(new Float32Array(rest.length), 1e-4, 0);
          ownDense.free(out);
        }
      }
      await stream.advance(task, pruned);
      await ownDense.run(block, dense, denseStates, denseStates);
      await ownPruned.run(block, pruned, prunedStates, prunedStates);
    }
    stream.free();
  });
});

/** X·Wᵀ [T, rows]. */
function productOf({ rows, columns }: LinearLayer, w: Float32Array, x: Float32Array): Float64Array {
  return Float64Array.from({ length: (x.length / columns) * rows }, (_, i) => {
    const [t, r] = [Math.floor(i / rows), i % rows];
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += x[t * columns + c] * w[r * columns + c];
    return sum;
  });
}

function correlationOf(
  layer: LinearLayer,
  w: Float32Array,
  xD: Float32Array,
  xS: Float32Array,
  rD: Float32Array,
  rS: Float32Array,
): Float64Array {
  const { rows, columns, joins } = layer;
  const y = productOf(layer, w, xD).map((v, i) => (joins === null ? v : v + (rD[i] - rS[i]) / joins));
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const [r, c] = [Math.floor(i / columns), i % columns];
    let sum = 0;
    for (let t = 0; t < y.length / rows; t++) sum += y[t * rows + r] * xS[t * columns + c];
    return sum;
  });
}
