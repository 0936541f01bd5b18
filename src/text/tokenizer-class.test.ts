import { expect, it } from 'vitest';
import { tokenizerClass } from './tokenizer-class.js';

// As type(AutoTokenizer.from_pretrained(…)).__name__ of transformers 5.24 says; `file` for TokenizersBackend.
it.each([
  ['llama', 'GPT2Tokenizer', 'GPT2Tokenizer'],
  ['llama', 'LlamaTokenizerFast', 'LlamaTokenizer'],
  ['llama', 'PreTrainedTokenizerFast', 'file'],
  ['llama', undefined, 'file'],
  ['mistral', 'LlamaTokenizer', 'file'],
  ['phi3', 'LlamaTokenizer', 'file'],
  ['granite', 'GPT2Tokenizer', 'file'],
  ['stablelm', 'GPTNeoXTokenizerFast', 'file'],
  ['olmo', 'GPTNeoXTokenizer', 'GPTNeoXTokenizer'],
  ['opt', 'PreTrainedTokenizerFast', 'file'],
  ['opt', undefined, 'GPT2Tokenizer'],
  ['phi', 'CodeGenTokenizer', 'CodeGenTokenizer'],
  ['qwen2', 'PreTrainedTokenizerFast', 'Qwen2Tokenizer'],
  ['gemma', 'PreTrainedTokenizerFast', 'file'],
  ['constructor', undefined, 'file'],
])('of %s that names %s is %s', (model_type, tokenizer_class, expected) => {
  expect(tokenizerClass({ tokenizer_class }, { model_type })).toBe(expected);
  expect(tokenizerClass({}, { model_type, tokenizer_class })).toBe(expected);
});
