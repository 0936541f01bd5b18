// The published method in PyTorch, beside the checkout, which two benchmarks run.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../shared/reference', import.meta.url));

/** { folder }, or { missing }: why it cannot take part. */
export function findReference() {
  if (!existsSync(folder)) return { missing: 'the reference values are not beside the checkout' };
  const { error, status } = spawnSync('python3', ['-c', 'import torch, transformers']);
  if (error) return { missing: 'not installed: python3' };
  return status === 0 ? { folder } : { missing: 'not installed: python3 with torch and transformers' };
}
