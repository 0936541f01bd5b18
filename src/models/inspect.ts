// What a model folder holds, layer by layer, without loading it to run: parameters, zeros, bytes.

import { embeddedFolder } from '../checkpoint/embedded.js';
import { openCheckpoint } from '../checkpoint/open-checkpoint.js';
import type { Format } from '../checkpoint/sparse/layout.js';
import { type LongRunning, safePoint } from '../progress.js';
import { graphOf } from './families.js';
import {
  type Form,
  type FormChoice,
  type FormOptions,
  filledFormOptions,
  formBytes,
  formHeld,
  formOf,
  zerosOf,
} from './forms.js';
import { checkTensors, countParameters, readWeight, storedLayer } from './weights.js';

export interface LayerInspection {
  /** As in the checkpoint, without ".weight". */
  name: string;
  block: number;
  rows: number;
  cols: number;
  dtype: string;
  zeros: number;
  bytes: number;
  /** How it is in memory when the model runs, and the bytes that its values (and their columns) take there; more on a GPU. */
  runs: Form & { bytes: number };
  /** In a sparse folder only. Of a sparse layer `dtype` is that of the stored values, and `bytes` those of all its parts. */
  format?: Format;
}

export interface Inspection {
  model: { source: string; family: string; parameters: number };
  /** Of all weight files. */
  bytes: number;
  /** What forms in memory were chosen by. */
  forms: FormOptions;
  layers: LayerInspection[];
  /** Share of zeros in the linear layers of each block. */
  blocks: { block: number; sparsity: number }[];
}

export interface InspectOptions extends LongRunning, FormChoice {}

/**
 * Counts the zeros of every prunable layer of a Hugging Face folder (the embedded model where it is left out), and says in
 * which form `loadModel` with these options would have each in memory.
 */
export async function inspect(folder: string = embeddedFolder, options: InspectOptions = {}): Promise<Inspection> {
  const { signal, onProgress } = options;
  const forms = filledFormOptions(options);
  const checkpoint = await openCheckpoint(folder, options);
  try {
    const graph = graphOf(checkpoint);
    await checkTensors(checkpoint, graph, signal);
    const total = graph.config.num_hidden_layers;
    const layers: LayerInspection[] = [];
    const blocks: Inspection['blocks'] = [];
    for (let block = 0; block < total; block++) {
      const first = layers.length;
      for (const layer of graph.linears) {
        const stored = storedLayer(checkpoint, graph, block, layer.name);
        const { dtype, begin, end, sparse } = checkpoint.info(`${stored}.weight`);
        const weight = await readWeight(checkpoint, graph, block, layer, signal);
        const count = zerosOf(weight);
        const form = formHeld(formOf(count, dtype, forms, layer.relu), weight);
        layers.push({
          name: stored,
          block,
          rows: layer.rows,
          cols: layer.columns,
          dtype: sparse?.shape.dtype ?? dtype,
          zeros: count.zeros,
          bytes: sparse?.bytes ?? end - begin,
          runs: { ...form, bytes: formBytes(form, count) },
          ...(checkpoint.format === 'sparse' ? { format: sparse ? 'sparse' : 'dense' } : {}),
        });
        await safePoint(signal);
      }
      const own = layers.slice(first);
      const sum = (of: (l: LayerInspection) => number) => own.reduce((s, l) => s + of(l), 0);
      blocks.push({ block, sparsity: sum((l) => l.zeros) / sum((l) => l.rows * l.cols) });
      onProgress?.({ phase: 'load', done: block + 1, total });
    }
    const model = { source: checkpoint.source, family: graph.config.model_type, parameters: countParameters(graph) };
    return { model, bytes: checkpoint.bytes, forms, layers, blocks };
  } finally {
    await checkpoint.close();
  }
}
