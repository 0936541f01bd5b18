// COPA (SuperGLUE): what was the cause, or what happened as a result? The harness puts a blank before a choice and another
// one between context and answer: two blanks in all, and so it is here.

import type { Task } from './task.js';

export const copa: Task = {
  name: 'copa',
  version: 1,
  dataset: { path: 'aps/super_glue', name: 'copa' },
  splits: { training: 'train', validation: 'validation' },
  request: 'multiple_choice',
  shapes: [
    {
      columns: { premise: 'text', choice1: 'text', choice2: 'text', question: 'text', label: 'number' },
      values: { question: ['cause', 'effect'] },
      let: {
        connector: "{{question | replace('cause', 'because') | replace('effect', 'therefore')}}",
      },
      context: '{{premise | strip | without_last}} {{connector}}',
      choices: [' {{choice1 | uncapitalize}}', ' {{choice2 | uncapitalize}}'],
      gold: { column: 'label' },
      logs: 'choice',
    },
    {
      columns: { query: 'text', choices: 'texts', gold: 'number' },
      context: '{{query}}',
      choices: { each: 'choices', text: ' {{item}}' },
      gold: { column: 'gold' },
      logs: 'choice',
    },
  ],
  metrics: ['acc'],
};
