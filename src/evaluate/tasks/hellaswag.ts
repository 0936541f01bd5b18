// HellaSwag: which of four endings continues a description of what somebody does? Texts from WikiHow have marks in brackets.

import type { Task } from './task.js';

const clean = "strip | replace(' [title]', '. ') | without_brackets | replace('  ', ' ')";

export const hellaswag: Task = {
  name: 'hellaswag',
  version: 1,
  dataset: { path: 'Rowan/hellaswag', name: null },
  splits: { training: 'train', validation: 'validation' },
  request: 'multiple_choice',
  shapes: [
    {
      columns: { activity_label: 'text', ctx_a: 'text', ctx_b: 'text', endings: 'texts', label: 'number' },
      let: { raw: '{{activity_label}}: {{ctx_a}} {{ctx_b | capitalize}}' },
      context: `{{raw | ${clean}}}`,
      choices: { each: 'endings', text: `{{item | ${clean}}}` },
      gold: { column: 'label' },
      processed: true,
    },
    {
      columns: { query: 'text', choices: 'texts', gold: 'number' },
      context: '{{query}}',
      choices: { each: 'choices', text: '{{item}}' },
      gold: { column: 'gold' },
    },
  ],
  metrics: ['acc', 'acc_norm'],
};
