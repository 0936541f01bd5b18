// The sizes that every config.json has, under the names that most of them have, checked against each other.

import type { ConfigReader } from '../../checkpoint/config.js';
import { ConfigError } from '../../errors.js';
import type { ModelConfig } from '../graph.js';

export interface Dimensions extends Omit<ModelConfig, 'longest_sequence'> {
  intermediate_size: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  head_dim: number;
}

/** What transformers assumes where config.json does not say; `num_key_value_heads: null` means as many as heads. */
export interface DimensionDefaults {
  vocab_size: number;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number | null;
  /** Left out: hidden_size / num_attention_heads. */
  head_dim?: number;
  max_position_embeddings: number;
}

/** Reads them. @throws ConfigError for numbers that make no sense, alone or together */
export function readDimensions(config: ConfigReader, defaults: DimensionDefaults): Dimensions {
  const hidden_size = config.positiveInteger('hidden_size', defaults.hidden_size);
  const num_attention_heads = config.positiveInteger('num_attention_heads', defaults.num_attention_heads);
  const groups = config.raw.num_key_value_heads === undefined ? defaults.num_key_value_heads : null;
  const num_key_value_heads = config.positiveInteger('num_key_value_heads', groups ?? num_attention_heads);
  const own = config.isMissing('head_dim') ? (defaults.head_dim ?? null) : config.positiveInteger('head_dim');
  const head_dim = own ?? headDim(config, hidden_size, num_attention_heads);
  if (num_attention_heads % num_key_value_heads !== 0)
    throw new ConfigError({
      expected: 'num_attention_heads divisible by num_key_value_heads',
      got: JSON.stringify([num_attention_heads, num_key_value_heads]),
      where: config.where,
    });
  const max_position_embeddings = config.positiveInteger('max_position_embeddings', defaults.max_position_embeddings);
  return {
    model_type: config.text('model_type'),
    vocab_size: config.positiveInteger('vocab_size', defaults.vocab_size),
    hidden_size,
    intermediate_size: config.positiveInteger('intermediate_size', defaults.intermediate_size),
    num_hidden_layers: config.positiveInteger('num_hidden_layers', defaults.num_hidden_layers, MOST_BLOCKS),
    num_attention_heads,
    num_key_value_heads,
    head_dim,
    key_width: num_key_value_heads * head_dim,
    max_position_embeddings,
  };
}

/** Blocks of any real model, and then some. */
export const MOST_BLOCKS = 10_000;

/** hidden_size / num_attention_heads. @throws ConfigError where that is no whole number */
export function headDim(config: ConfigReader, hidden_size: number, num_attention_heads: number): number {
  if (hidden_size % num_attention_heads === 0) return hidden_size / num_attention_heads;
  throw new ConfigError({
    expected: 'hidden_size divisible by num_attention_heads',
    got: JSON.stringify([hidden_size, num_attention_heads]),
    where: config.where,
  });
}
