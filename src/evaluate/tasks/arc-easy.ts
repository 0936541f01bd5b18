// AI2 Reasoning Challenge: questions of science exams for schools, the easy ones.

import type { Task } from './task.js';

export const arcEasy: Task = {
  name: 'arc_easy',
  version: 1,
  dataset: { path: 'allenai/ai2_arc', name: 'ARC-Easy' },
  splits: { training: 'train', validation: 'validation', test: 'test' },
  request: 'multiple_choice',
  shapes: [
    {
      columns: { question: 'text', 'choices.text': 'texts', 'choices.label': 'texts', answerKey: 'text' },
      context: 'Question: {{question}}\nAnswer:',
      choices: { each: 'choices.text', text: '{{item}}' },
      gold: { column: 'answerKey', among: 'choices.label' },
    },
    {
      columns: { query: 'text', choices: 'texts', gold: 'number' },
      context: '{{query}}\nAnswer:',
      choices: { each: 'choices', text: '{{item}}' },
      gold: { column: 'gold' },
    },
  ],
  metrics: ['acc', 'acc_norm'],
};
