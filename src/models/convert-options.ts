// The options of a conversion, what they may be, and which of them do not go together.

import { type Format, formats, type ValueDtype } from '../checkpoint/sparse/layout.js';
import { UsageError } from '../errors.js';
import type { LongRunning } from '../progress.js';

/** What values are stored as; int8 in sparse folders only. */
export const valueDtypes = { f32: 'F32', f16: 'F16', bf16: 'BF16', int8: 'I8' } as const satisfies Record<
  string,
  ValueDtype
>;
export type Values = keyof typeof valueDtypes;

export interface ConvertOptions extends LongRunning {
  /** Hugging Face folder, dense or sparse; the embedded model where it is left out. */
  model?: string | undefined;
  /** Folder to write; must not exist, or be empty, unless `force`. */
  out: string;
  format: Format;
  /** Of the blocks' linear layers; what each of them has where it is left out. */
  values?: Values | undefined;
  force?: boolean | undefined;
}

/** @throws UsageError unless `format` is one. */
export function checkFormat(format: string): void {
  if (formats.includes(format as Format)) return;
  throw new UsageError(`expected format ${formats.join(', ')}, got ${JSON.stringify(format)}`);
}

/** @throws UsageError naming the option and what it may be. */
export function checkOptions({ out, format, values }: ConvertOptions): void {
  checkFormat(format);
  if (values !== undefined && !Object.hasOwn(valueDtypes, values))
    throw new UsageError(`expected values ${Object.keys(valueDtypes).join(', ')}, got ${JSON.stringify(values)}`);
  if (format === 'dense' && values === 'int8')
    throw new UsageError('expected values f32, f16 or bf16 with format dense, got int8');
  if (typeof out !== 'string' || out === '') throw new UsageError('expected a folder to write (out), got none');
}
