// Which of its tokenizer classes transformers (version 5) loads a folder with: the class decides about pipeline and
// special tokens where the files leave them open. tokenizer_config.json names one, the model type another; neither
// always wins.

import type { Json } from './json.js';

/** What transformers registers for a model type; no entry, or `file`: whatever the tokenizer's own file describes. */
const registered: Readonly<Record<string, string>> = {
  codegen: 'GPT2Tokenizer',
  gemma: 'GemmaTokenizer',
  gemma2: 'GemmaTokenizer',
  gemma3: 'GemmaTokenizer',
  gemma3_text: 'GemmaTokenizer',
  gpt2: 'GPT2Tokenizer',
  gpt_neo: 'GPT2Tokenizer',
  gpt_neox: 'GPTNeoXTokenizer',
  gptj: 'GPT2Tokenizer',
  granite: 'file',
  ministral: 'file',
  mistral: 'file',
  mixtral: 'file',
  olmo: 'GPTNeoXTokenizer',
  olmo2: 'file',
  opt: 'GPT2Tokenizer',
  phi: 'GPT2Tokenizer',
  phi3: 'file',
  qwen2: 'Qwen2Tokenizer',
  qwen3: 'Qwen2Tokenizer',
  stablelm: 'file',
  starcoder2: 'GPT2Tokenizer',
};

/** Model types whose folders are known to name a wrong class. */
const wronglyNamed = new Set(['phi3', 'qwen2']);

/** Names of the class that has no pipeline of its own. */
const plain = new Set(['TokenizersBackend', 'PreTrainedTokenizer', 'PythonBackend']);

/**
 * The class, without the ending "Fast"; `file` for the one that takes the tokenizer's file at its word.
 * @param config tokenizer_config.json
 * @param model config.json
 */
export function tokenizerClass(config: Json, model: Json): string {
  const usual = Object.hasOwn(registered, String(model.model_type)) ? registered[String(model.model_type)] : undefined;
  const name = config.tokenizer_class ?? model.tokenizer_class;
  if (typeof name !== 'string') return usual ?? 'file';
  const bare = name.replace(/Fast$/, '');
  const named = plain.has(bare) ? 'file' : bare;
  if (usual === undefined || usual === named) return named;
  if (usual === 'file') return 'file';
  return wronglyNamed.has(String(model.model_type)) ? usual : named;
}
