// `neuroal inspect`: what a model folder holds, and how much of it is zero.

import type { Command } from 'commander';
import type { Inspection } from '../models/inspect.js';
import { grouped, percent, size, table } from './figures.js';
import { type CommonOptions, modelArgument, withCommon } from './options.js';
import { inSession } from './session.js';

/** Adds the command. */
export function addInspect(program: Command): void {
  withCommon(
    program
      .command('inspect')
      .description('show family, parameters, bytes, and the sparsity of each block (with --verbose, of each layer)')
      .addArgument(modelArgument()),
  ).action((model: string | undefined, options: CommonOptions) =>
    inSession(options, async (session) => {
      const { inspect } = await import('../models/inspect.js');
      const { signal, onProgress } = session;
      const inspection = await inspect(model, { signal, onProgress });
      if (options.json) await session.printJson(inspection);
      else await session.print(`${describe(inspection, options.verbose === true)}\n`);
    }),
  );
}

function describe({ model, bytes, layers, blocks }: Inspection, everyLayer: boolean): string {
  const dtypes = [...new Set(layers.map(({ dtype }) => dtype))].join(', ');
  const weights = layers.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
  const zeros = layers.reduce((sum, layer) => sum + layer.zeros, 0);
  const lines = [
    model.source,
    `${model.family}, ${grouped(model.parameters)} parameters, ${size(bytes)} (${dtypes})`,
    ...storage(layers),
    `${percent(zeros / weights)} of the ${grouped(weights)} weights of the blocks' linear layers are zero`,
    '',
    ...table([['block', 'sparsity'], ...blocks.map(({ block, sparsity }) => [String(block), percent(sparsity)])]),
  ];
  if (!everyLayer) return lines.join('\n');
  const details = layers.map((layer) => [
    layer.name,
    `${layer.rows}×${layer.cols}`,
    layer.format === 'sparse' ? `${layer.dtype} sparse` : layer.dtype,
    percent(layer.zeros / (layer.rows * layer.cols)),
    size(layer.bytes),
  ]);
  return [...lines, '', ...table([['layer', 'shape', 'dtype', 'sparsity', 'size'], ...details])].join('\n');
}

/** Of a sparse folder, how much of it is sparse. */
function storage(layers: Inspection['layers']): string[] {
  const sparse = layers.filter(({ format }) => format === 'sparse');
  if (sparse.length === 0) return [];
  const bytes = size(layers.reduce((sum, layer) => sum + layer.bytes, 0));
  return [
    `${sparse.length} of the blocks' ${layers.length} linear layers are stored sparse; all of them take ${bytes}`,
  ];
}
