// The registry of families: the model_type of a config.json to the code that understands it.

import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { ConfigError } from '../errors.js';
import type { Family, Graph } from './graph.js';
import { llama } from './llama.js';

const families: readonly Family[] = [llama];

/** model_types that can be loaded. */
export const knownModelTypes: readonly string[] = families.flatMap((family) => family.modelTypes);

/** The graph that the checkpoint's config.json describes. */
export function graphOf({ config }: Checkpoint): Graph {
  const type = config.text('model_type');
  const family = families.find(({ modelTypes }) => modelTypes.includes(type));
  if (!family)
    throw new ConfigError({
      expected: `model_type ${knownModelTypes.map((t) => `"${t}"`).join(', ')}`,
      got: JSON.stringify(type),
      where: config.where,
    });
  if (config.section('quantization_config'))
    throw new ConfigError({
      expected: 'weights that are not quantised',
      got: 'a quantization_config',
      where: config.where,
    });
  return family.graph(config);
}
