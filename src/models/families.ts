// The registry of families: the model_type of a config.json to the code that understands it.

import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { ConfigError } from '../errors.js';
import { gemma } from './families/gemma.js';
import { gemma2 } from './families/gemma2.js';
import { gemma3 } from './families/gemma3.js';
import { gptNeox } from './families/gpt-neox.js';
import { gpt2 } from './families/gpt2.js';
import { granite } from './families/granite.js';
import { llama } from './families/llama.js';
import { mistral } from './families/mistral.js';
import { olmo2 } from './families/olmo2.js';
import { opt } from './families/opt.js';
import { phi } from './families/phi.js';
import { phi3 } from './families/phi3.js';
import { qwen2, qwen3 } from './families/qwen.js';
import { smollm3 } from './families/smollm3.js';
import { stablelm } from './families/stablelm.js';
import { starcoder2 } from './families/starcoder2.js';
import type { Family, Graph } from './graph.js';

const families: readonly Family[] = [
  ...[llama, mistral, opt, phi],
  ...[qwen2, qwen3, gemma, gemma2, gemma3, phi3, gpt2, gptNeox, smollm3, olmo2, granite, stablelm, starcoder2],
];

/** model_types that can be loaded. */
export const knownModelTypes: readonly string[] = families.map((family) => family.modelType);

/** The graph that a config.json describes. @throws ConfigError for a family or a value that is not known */
export function graphOf({ config }: Pick<Checkpoint, 'config'>): Graph {
  const type = config.text('model_type');
  const family = families.find(({ modelType }) => modelType === type);
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
