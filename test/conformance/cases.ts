// All cases of the suite. A new operation is one more list here.

import { algebraCases } from './algebra.js';
import { attentionCases } from './attention.js';
import type { Case } from './case.js';
import { columnCases } from './columns.js';
import { elementwiseCases } from './elementwise.js';
import { int8Cases } from './int8.js';
import { layerCases } from './layers.js';
import { linearsCases } from './linears.js';
import { measureCases } from './measures.js';
import { memoryCases } from './memory.js';
import { pruningCases } from './pruning.js';
import { sparseCases } from './sparse.js';
import { updateCases } from './updates.js';

export const cases: Case[] = [
  ...memoryCases,
  ...layerCases,
  ...linearsCases,
  ...int8Cases,
  ...sparseCases,
  ...columnCases,
  ...elementwiseCases,
  ...attentionCases,
  ...measureCases,
  ...pruningCases,
  ...updateCases,
  ...algebraCases,
];
