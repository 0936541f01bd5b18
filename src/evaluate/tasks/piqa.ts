// PIQA: which of two ways reaches a goal of everyday life?

import type { Task } from './task.js';

export const piqa: Task = {
  name: 'piqa',
  version: 1,
  dataset: { path: 'baber/piqa', name: null },
  splits: { training: 'train', validation: 'validation' },
  request: 'multiple_choice',
  shapes: [
    {
      columns: { goal: 'text', sol1: 'text', sol2: 'text', label: 'number' },
      context: 'Question: {{goal}}\nAnswer:',
      choices: ['{{sol1}}', '{{sol2}}'],
      gold: { column: 'label' },
    },
    {
      columns: { query: 'text', choices: 'texts', gold: 'number' },
      context: "{{query | removesuffix('\n')}}\nAnswer:",
      choices: { each: 'choices', text: '{{item}}' },
      gold: { column: 'gold' },
    },
  ],
  metrics: ['acc', 'acc_norm'],
};
