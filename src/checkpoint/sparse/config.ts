// What config.json says of a sparse folder: a quantization_config, added at the end of the file and taken out again without a
// trace when the folder becomes dense. Dense folders never have one; loaders refuse them for less.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { version } from '../../version.js';
import { ConfigReader } from '../config.js';
import { withMember, withoutMember } from '../json-members.js';

const section = 'quantization_config';
const format = 'sparse-bitmask';

/** The last release of compressed-tensors whose layout was held against ours. */
const compressedTensors = { quant_method: 'compressed-tensors', version: '0.12.2' };
/** Of folders with int8 values: a reader that does not know them would take them for weights. */
const own = { quant_method: 'neuroal', version };

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
  const { quant_method: method, sparsity_config: sparsity, config_groups: groups } = raw;
  const known = method === compressedTensors.quant_method || method === own.quant_method;
  return known && groups === undefined && (sparsity as { format?: unknown } | null | undefined)?.format === format;
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
    format,
    targets: sparse,
    ignore,
    global_sparsity: Math.round(sparsity * 1e6) / 1e6,
    sparsity_structure: 'unstructured',
  };
  const value = { ...(int8 ? own : compressedTensors), sparsity_config };
  return edited(dense, (json) => withMember(json, section, value));
}

/** Byte for character, so that nothing changes but what is edited. */
function edited(bytes: Uint8Array, edit: (json: string) => string): Uint8Array {
  return Buffer.from(edit(Buffer.from(bytes).toString('latin1')), 'latin1');
}
