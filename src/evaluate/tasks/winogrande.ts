// WinoGrande (XL): which of two names fills the blank? What is scored is the rest of the sentence, after each of them.

import type { Task } from './task.js';

export const winogrande: Task = {
  name: 'winogrande',
  version: 1,
  dataset: { path: 'allenai/winogrande', name: 'winogrande_xl' },
  splits: { training: 'train', validation: 'validation' },
  request: 'multiple_choice',
  shapes: [
    {
      columns: { sentence: 'text', option1: 'text', option2: 'text', answer: 'text' },
      holds: { sentence: '_' },
      contexts: ["{{sentence | before('_')}}{{option1}}", "{{sentence | before('_')}}{{option2}}"],
      target: "{{sentence | after('_') | strip}}",
      gold: { column: 'answer', among: ['1', '2'] },
    },
    {
      columns: { context_options: 'texts', continuation: 'text', gold: 'number' },
      contexts: { each: 'context_options', text: '{{item}}' },
      target: '{{continuation}}',
      gold: { column: 'gold' },
    },
  ],
  metrics: ['acc'],
};
