// BoolQ (SuperGLUE): yes/no questions that people asked a search engine, each with a passage that answers it.

import type { Task } from './task.js';

export const boolq: Task = {
  name: 'boolq',
  version: 2,
  dataset: { path: 'aps/super_glue', name: 'boolq' },
  splits: { training: 'train', validation: 'validation' },
  request: 'multiple_choice',
  shapes: [
    {
      columns: { passage: 'text', question: 'text', label: 'number' },
      context: '{{passage}}\nQuestion: {{question}}?\nAnswer:',
      choices: ['no', 'yes'],
      gold: { column: 'label' },
    },
    {
      columns: { query: 'text', choices: 'texts', gold: 'number' },
      context: "{{query | removeprefix('Passage: ')}}\nAnswer:",
      choices: { each: 'choices', text: '{{item}}' },
      gold: { column: 'gold' },
    },
  ],
  metrics: ['acc'],
};
