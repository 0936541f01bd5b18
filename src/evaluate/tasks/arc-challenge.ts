// AI2 Reasoning Challenge: the questions that neither a search nor counting words answered. All else is as in ARC-Easy.

import { arcEasy } from './arc-easy.js';
import type { Task } from './task.js';

export const arcChallenge: Task = {
  ...arcEasy,
  name: 'arc_challenge',
  dataset: { path: 'allenai/ai2_arc', name: 'ARC-Challenge' },
};
