// `neuroal convert`: writes a model folder in another form, sparse or dense.

import type { Command } from 'commander';
import { type Format, formats } from '../checkpoint/sparse/layout.js';
import { UsageError } from '../errors.js';
import type { ConvertRecord } from '../models/convert.js';
import { type ConvertOptions, valueDtypes } from '../models/convert-options.js';
import { grouped, shellWord, size } from './figures.js';
import { type CommonOptions, choice, modelArgument, place, withCommon } from './options.js';
import { inSession } from './session.js';

interface ConvertFlags extends CommonOptions, Omit<ConvertOptions, 'model' | 'out' | 'format'> {
  out?: string;
  format?: Format;
}

/** Adds the command. */
export function addConvert(program: Command): void {
  withCommon(
    program
      .command('convert')
      .description(
        'store the zeros of a pruned model as bits, or write such a folder dense again; nothing else changes',
      )
      .addArgument(modelArgument(true))
      .addOption(place('--out <DIR>', 'folder to write (required); it appears whole or not at all'))
      .addOption(choice('--format <F>', "of the blocks' linear layers (required)", formats))
      .addOption(
        choice('--values <V>', 'what they are stored as, int8 only sparse', Object.keys(valueDtypes), 'as they are'),
      )
      .option('--force', 'replace a model folder that stands there, with everything in it'),
  ).action((model: string, { out, format, ...options }: ConvertFlags) =>
    inSession(options, async (session) => {
      if (out === undefined) throw new UsageError('expected --out DIR (the folder to write), got none');
      if (format === undefined) throw new UsageError(`expected --format ${formats.join('|')}, got none`);
      const { convert } = await import('../models/convert.js');
      const { signal, onProgress } = session;
      const record = await convert({ ...options, model, out, format, signal, onProgress });
      if (options.json) await session.printJson(record);
      else await session.print(`${describe(record, out, options.quiet === true)}\n`);
    }),
  );
}

function describe({ model, convert, layers, bytes }: ConvertRecord, out: string, quiet: boolean): string {
  const sparse = layers.filter(({ format }) => format === 'sparse').length;
  const remarks = [
    ...(convert.format === 'sparse' && sparse < layers.length
      ? [`note: ${layers.length - sparse} layers stay dense, since their sparse form would not be smaller`]
      : []),
    ...(sparse
      ? [`note: other loaders do not read ${convert.values === 'int8' ? 'int8 values' : 'sparse folders'}`]
      : []),
    `next: neuroal eval ${shellWord(out)}`,
  ];
  return [
    `${model.family}, ${grouped(model.parameters)} parameters: ${convert.format}, values ${convert.values ?? 'as they are'}`,
    ...(convert.format === 'sparse' ? [`  sparse   ${sparse} of ${layers.length} layers`] : []),
    `  weights  ${size(bytes.after)}, from ${size(bytes.before)}`,
    `  folder   ${out}`,
    ...(quiet ? [] : remarks),
  ].join('\n');
}
