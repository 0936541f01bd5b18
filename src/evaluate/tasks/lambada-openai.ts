// LAMBADA as OpenAI prepared it: the last word of a passage, which only the whole passage gives away.

import type { Task } from './task.js';

export const lambadaOpenai: Task = {
  name: 'lambada_openai',
  version: 1,
  dataset: { path: 'EleutherAI/lambada_openai', name: 'default' },
  splits: { test: 'test' },
  request: 'loglikelihood',
  shapes: [
    {
      columns: { text: 'text' },
      context: "{{text | before_last(' ')}}",
      target: " {{text | after_last(' ')}}",
    },
    { columns: { context: 'text', continuation: 'text' }, context: '{{context}}', target: ' {{continuation}}' },
  ],
  metrics: ['perplexity', 'acc'],
};
