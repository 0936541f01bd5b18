// What config.json says of a sparse folder: a quantization_config, added at the end of the file and taken out again without a
// trace when the folder becomes dense. Dense folders never have one; loaders refuse them for less.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigReader } from '../config.js';
import { withMember, withoutMember } from '../json-members.js';

const section = 'quantization_config';
const method = 'compressed-tensors';
/** The release whose layout was held against ours. */
const version = '0.12.2';
/** int8 has a name of its own: who knows the first alone would take the int8 values for weights. */
const formats = { floats: 'sparse-bitmask', int8: 'sparse-bitmask-int8' };

/** What the config says of the layers. */
export interface SparseSummary {
  /** Names of layers, without ".weight". */
  sparse: readonly string[];
  dense: readonly string[];
  /** Share of zeros in all of them. */
  sparsity: number;
  int8: boolean;
}

/** Whether a config.json belongs to a folder with sparse weights, and with nothing else done to them. */
export function isSparse(config: ConfigReader): boolean {
  const raw = config.raw[section] as Record<string, unknown> | undefined;
  if (typeof raw !== 'object' || raw === null) return false;
  const { quant_method, sparsity_config, config_groups } = raw;
  const { format } = (sparsity_config ?? {}) as { format?: unknown };
  return quant_method === method && config_groups === undefined && Object.values(formats).some((f) => f === format);
}

/** The config of the dense model. */
export function denseReader({ raw, where }: ConfigReader): ConfigReader {
  const { [section]: _, ...dense } = raw;
  return new ConfigReader(dense, where);
}

/** The bytes of `folder`/config.json as a dense folder has them. */
export async function denseConfig(folder: string): Promise<Uint8Array> {
  return edited(await readFile(join(folder, 'config.json')), (json) => withoutMember(json, section));
}

/** The bytes of a config.json as the sparse folder has them. */
export function sparseConfig(dense: Uint8Array, { sparse, dense: ignore, sparsity, int8 }: SparseSummary): Uint8Array {
  const sparsity_config = {
    format: int8 ? formats.int8 : formats.floats,
    targets: sparse,
    ignore,
    global_sparsity: Math.round(sparsity * 1e6) / 1e6,
    sparsity_structure: 'unstructured',
  };
  return edited(dense, (json) => withMember(json, section, { quant_method: method, version, sparsity_config }));
}

/** Byte for character, so that nothing changes but what is edited. */
function edited(bytes: Uint8Array, edit: (json: string) => string): Uint8Array {
  return Buffer.from(edit(Buffer.from(bytes).toString('latin1')), 'latin1');
}
