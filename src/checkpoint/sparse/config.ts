// What config.json says of a sparse folder: a quantization_config. Dense folders never have one; loaders refuse them for less.

import { ConfigReader } from '../config.js';

export const section = 'quantization_config';
export const method = 'compressed-tensors';
/** int8 has a name of its own: who knows the first alone would take the int8 values for weights. */
export const formats = { floats: 'sparse-bitmask', int8: 'sparse-bitmask-int8' };

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
