// The same sparsity everywhere.

import type { Allocator } from './allocator.js';

export const uniform: Allocator = {
  name: 'uniform',
  allocate: ({ sparsity }) => ({ shares: () => sparsity }),
};
