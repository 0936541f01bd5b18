// The names that config.json has for activation functions. Several names of transformers are one function: they differ
// in how it is computed, not in what.

import type { Activation } from '../backend/backend.js';
import type { ConfigReader } from '../checkpoint/config.js';
import { ConfigError } from '../errors.js';

const named = new Map<string, Activation>([
  ['silu', 'silu'],
  ['swish', 'silu'],
  ['relu', 'relu'],
  ['gelu', 'gelu'],
  ['gelu_python', 'gelu'],
  ['gelu_new', 'gelu_tanh'],
  ['gelu_fast', 'gelu_tanh'],
  ['gelu_accurate', 'gelu_tanh'],
  ['gelu_pytorch_tanh', 'gelu_tanh'],
  ['gelu_python_tanh', 'gelu_tanh'],
  ['quick_gelu', 'quick_gelu'],
]);

/** The activation under `key` of config.json. @throws ConfigError for a name that is not known */
export function readActivation(config: ConfigReader, key: string, fallback: string): Activation {
  const name = config.text(key, fallback);
  const activation = named.get(name);
  if (activation) return activation;
  throw new ConfigError({
    expected: `${key} of ${[...named.keys()].join(', ')}`,
    got: JSON.stringify(name),
    where: config.where,
  });
}
