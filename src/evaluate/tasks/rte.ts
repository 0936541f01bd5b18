// Recognizing Textual Entailment (GLUE): does the second sentence follow from the first?

import type { Task } from './task.js';

export const rte: Task = {
  name: 'rte',
  version: 1,
  dataset: { path: 'nyu-mll/glue', name: 'rte' },
  splits: { training: 'train', validation: 'validation' },
  request: 'multiple_choice',
  shapes: [
    {
      columns: { sentence1: 'text', sentence2: 'text', label: 'number' },
      context: '{{sentence1}}\nQuestion: {{sentence2}} True or False?\nAnswer:',
      choices: ['True', 'False'],
      gold: { column: 'label' },
    },
    // The same data as SuperGLUE has it.
    {
      columns: { premise: 'text', hypothesis: 'text', label: 'text' },
      context: '{{premise}}\nQuestion: {{hypothesis}} True or False?\nAnswer:',
      choices: ['True', 'False'],
      gold: { column: 'label', among: ['entailment', 'not_entailment'] },
    },
  ],
  metrics: ['acc'],
};
