// `neuroal inspect`: what a model folder holds, and how much of it is zero.

import type { Command } from 'commander';
import type { FormChoice } from '../models/forms.js';
import type { Inspection } from '../models/inspect.js';
import { grouped, percent, size, table } from './figures.js';
import { type CommonOptions, modelArgument, withCommon, withForms } from './options.js';
import { inSession } from './session.js';

/** Adds the command. */
export function addInspect(program: Command): void {
  withCommon(
    withForms(
      program
        .command('inspect')
        .description('show family, parameters, bytes, and the sparsity of each block (with --verbose, of each layer)')
        .addArgument(modelArgument()),
    ),
  ).action((model: string | undefined, options: CommonOptions & FormChoice) =>
    inSession(options, async (session) => {
      const { inspect } = await import('../models/inspect.js');
      const { signal, onProgress } = session;
      const { prefer, values } = options;
      const inspection = await inspect(model, { prefer, values, signal, onProgress });
      if (options.json) await session.printJson(inspection);
      else await session.print(`${describe(inspection, options.verbose === true)}\n`);
    }),
  );
}

function describe(inspection: Inspection, everyLayer: boolean): string {
  const { model, bytes, layers, blocks } = inspection;
  const dtypes = [...new Set(layers.map(({ dtype }) => dtype))].join(', ');
  const weights = layers.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
  const zeros = layers.reduce((sum, layer) => sum + layer.zeros, 0);
  const lines = [
    model.source,
    `${model.family}, ${grouped(model.parameters)} parameters, ${size(bytes)} (${dtypes})`,
    ...storage(layers),
    `${percent(zeros / weights)} of the ${grouped(weights)} weights of the blocks' linear layers are zero`,
    running(inspection),
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
    [layer.runs.values, ...(layer.runs.sparse ? ['sparse'] : layer.runs.columns ? ['by columns'] : [])].join(' '),
    size(layer.runs.bytes),
  ]);
  const head = ['layer', 'shape', 'dtype', 'sparsity', 'size', 'runs as', 'in memory'];
  return [...lines, '', ...table([head, ...details])].join('\n');
}

/** In which forms the layers are in memory, and why. */
function running({ layers, forms: { prefer, values } }: Inspection): string {
  const sparse = layers.filter(({ runs }) => runs.sparse).length;
  const columns = layers.filter(({ runs }) => runs.columns).length;
  const bytes = size(layers.reduce((sum, { runs }) => sum + runs.bytes, 0));
  const why = prefer === 'speed' ? 'where that is faster' : 'where that is smaller';
  const kept = values === 'stored' ? '' : ` as ${values}`;
  const byColumns = columns ? `, ${columns} by columns` : '';
  return `in memory they take ${bytes}${kept}; ${sparse} of ${layers.length} run as sparse matrices, ${why}${byColumns} (docs/running.md)`;
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
