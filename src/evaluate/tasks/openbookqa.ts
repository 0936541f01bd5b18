// OpenBookQA: questions on elementary science, where the stem of the question is all that the model reads.

import type { Task } from './task.js';

export const openbookqa: Task = {
  name: 'openbookqa',
  files: ['openbook_qa'],
  version: 1,
  dataset: { path: 'allenai/openbookqa', name: 'main' },
  splits: { training: 'train', validation: 'validation', test: 'test' },
  request: 'multiple_choice',
  shapes: [
    {
      columns: { question_stem: 'text', 'choices.text': 'texts', 'choices.label': 'texts', answerKey: 'text' },
      let: { key: '{{answerKey | lstrip}}' },
      context: '{{question_stem}}',
      choices: { each: 'choices.text', text: '{{item}}' },
      gold: { column: 'key', among: 'choices.label' },
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
