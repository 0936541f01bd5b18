// All weights of a model into a backend, in the order in which they lie in the files: what comes as a stream goes by once, and a
// disk likes it too. Each tensor goes straight to its place; what lies there in parts is put together when the last one is in.

import type { Backend } from '../backend/backend.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { readGenerationConfig } from '../checkpoint/generation-config.js';
import { UsageError } from '../errors.js';
import { type LongRunning, safePoint } from '../progress.js';
import { quoted } from '../quoted.js';
import type { Matrix } from '../tensor/sparse-matrix.js';
import { graphOf } from './families.js';
import { denseForm, type FormChoice, type FormOptions, filledFormOptions, formOf, type LayerForm } from './forms.js';
import type { Graph, TensorSpec } from './graph.js';
import { type ChosenForm, formIn } from './load-matrix.js';
import { Scratch } from './matrix-source.js';
import { Model } from './model.js';
import {
  checkShapes,
  checkTensors,
  type Forms,
  loadTensor,
  matrixOf,
  storedName,
  twinsDiffer,
  twinsOf,
} from './weights.js';

/** How a model is to be in memory. */
export interface RunOptions extends FormChoice {
  /** Whether pruned layers may be sparse matrices; true. */
  sparse?: boolean | undefined;
}

/** The same with the defaults. */
export interface FilledRunOptions extends FormOptions {
  sparse: boolean;
}

/** @throws UsageError for values that there are not */
export function filledRunOptions(options: RunOptions): FilledRunOptions {
  const { sparse = true } = options;
  const forms = filledFormOptions(options);
  if (typeof sparse !== 'boolean') throw new UsageError(`expected sparse to be true or false, got ${quoted(sparse)}`);
  return { ...forms, sparse };
}

/** A tensor in the files; of those that the graph has, also where it goes. */
interface Step {
  stored: string;
  tensor?: { block: number; prefix: string; name: string; spec: TensorSpec; into: Map<string, Matrix> };
}

/**
 * Loads the model of a checkpoint, which is read to its end and left open. Where this fails, the backend is disposed of.
 * @param openBackend called once the files are known to hold the model
 */
export async function load(
  checkpoint: Checkpoint,
  openBackend: () => Promise<Backend>,
  options: FilledRunOptions & LongRunning,
): Promise<Model> {
  const { signal, onProgress } = options;
  const graph = graphOf(checkpoint);
  if (checkpoint.onePass) checkShapes(checkpoint, graph);
  else await checkTensors(checkpoint, graph, signal);
  const twins = checkpoint.onePass ? twinsOf(checkpoint, graph) : [];
  const marks = twins.map(([stored, alias]) => [checkpoint.markOf(stored), checkpoint.markOf(alias)]);
  const generationConfig = await readGenerationConfig(checkpoint.place, checkpoint.config, signal);
  const total = graph.config.num_hidden_layers;
  const outer = new Map<string, Matrix>();
  const blocks = Array.from({ length: total }, () => new Map<string, Matrix>());
  const { forms, layerForms } = formsOf(graph, options);
  const backend = await openBackend();
  try {
    let done = 0;
    for (const { stored, tensor } of stepsOf(checkpoint, graph, outer, blocks)) {
      if (tensor) {
        const { block, prefix, name, spec, into } = tensor;
        const chosen = block < 0 ? forms.outer : forms.inBlock(block);
        into.set(name, await loadTensor(checkpoint, graph, backend, prefix, name, spec, signal, chosen));
        if (block >= 0 && into.size === graph.blockTensors.size) onProgress?.({ phase: 'load', done: ++done, total });
        await safePoint(signal);
      }
      await checkpoint.letGo(stored, signal);
    }
    await checkpoint.expectEnds(signal);
    for (const [i, [mark, other]] of marks.entries())
      if ((await mark()) !== (await other())) throw twinsDiffer(checkpoint, ...twins[i]);
    return new Model(checkpoint, graph, backend, outer, blocks, generationConfig, layerForms(blocks));
  } catch (error) {
    await backend.dispose();
    throw error;
  }
}

/** All tensors in the order of the files; where none must be read in order, only those of the graph. */
function stepsOf(
  checkpoint: Checkpoint,
  graph: Graph,
  outer: Map<string, Matrix>,
  blocks: readonly Map<string, Matrix>[],
): Step[] {
  const steps = new Map<string, Step>();
  const add = (block: number, prefix: string, into: Map<string, Matrix>) => {
    for (const [name, spec] of block < 0 ? graph.outerTensors : graph.blockTensors) {
      const stored = storedName(checkpoint, graph, prefix + name);
      steps.set(stored, { stored, tensor: { block, prefix, name, spec, into } });
    }
  };
  add(-1, '', outer);
  for (const [b, into] of blocks.entries()) add(b, graph.prefix(b), into);
  if (checkpoint.onePass)
    for (const stored of checkpoint.names()) if (!steps.has(stored)) steps.set(stored, { stored });
  return [...steps.values()]
    .map((step) => ({ step, place: checkpoint.placeOf(step.stored) }))
    .sort(({ place: a }, { place: b }) => a[0] - b[0] || a[1] - b[1])
    .map(({ step }) => step);
}

/** How matrices are to be in memory, and how those of the blocks came to be. */
function formsOf(graph: Graph, options: FilledRunOptions) {
  const { sparse, values: kept } = options;
  const scratch = new Scratch();
  const layers = new Map(graph.linears.map(({ name, relu }) => [name, relu]));
  const sparsities = new Map<string, number>();
  const outer: Forms = { choose: (_, dtype) => denseForm(dtype, kept), scratch };
  const inBlock = (block: number): Forms => ({
    choose: (tensor, dtype): ChosenForm => {
      const name = tensor.replace(/\.weight$/, '');
      const relu = layers.get(name);
      if (relu === undefined) return denseForm(dtype, kept);
      return (count) => {
        sparsities.set(`${block} ${name}`, count.zeros / count.weights);
        return sparse ? formOf(count, dtype, options, relu) : denseForm(dtype, kept, relu);
      };
    },
    scratch,
  });
  const layerForms = (blocks: readonly Map<string, Matrix>[]): LayerForm[] =>
    blocks.flatMap((weights, block) =>
      graph.linears.map(({ name }) => ({
        block,
        name,
        sparsity: sparsities.get(`${block} ${name}`) as number,
        ...formIn(matrixOf(weights, `${name}.weight`)),
      })),
    );
  return { forms: { outer, inBlock }, layerForms };
}
