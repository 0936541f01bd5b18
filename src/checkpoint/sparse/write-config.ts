// The quantization_config of a sparse folder is added at the end of config.json, and taken out again without a trace when the
// folder becomes dense.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withMember, withoutMember } from '../json-members.js';
import { formats, method, section } from './config.js';

/** The release whose layout was held against ours. */
const version = '0.12.2';

/** What the config says of the layers. */
export interface SparseSummary {
  /** Names of layers, without ".weight". */
  sparse: readonly string[];
  dense: readonly string[];
  /** Share of zeros in all of them. */
  sparsity: number;
  int8: boolean;
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
