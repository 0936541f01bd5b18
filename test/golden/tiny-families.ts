// The tiny models that families.json describes (make_families.py made it), as folders.

import { readFile } from 'node:fs/promises';
import { f32, folderWith, safetensors } from '../checkpoint-fixture.js';
import { lehmer } from './tiny-llama.js';

export interface Golden {
  config: { model_type: string };
  tensors: Record<string, { shape: number[]; seed: number; centre: number; width: number }>;
  windows: number[][];
  /** Rows 5 and 13 of the first window; the last row of the first six ids of the second. */
  logits: { 5: number[]; 13: number[]; short: number[] };
  /** By layer, bits of the weights that stay. */
  kept: Record<string, string>;
  /** Row 13 of the first window, after pruning. */
  pruned: number[];
}

const path = new URL('families.json', import.meta.url);
/** By name. */
export const models: Record<string, Golden> = JSON.parse(await readFile(path, 'utf8')).models;

/** The numbers of a tensor. */
export function valuesOf({ shape, seed, centre, width }: Golden['tensors'][string]): number[] {
  const random = lehmer(seed);
  const draw = () => centre + width * 2 * (random() + random() + random() - 1.5);
  return Array.from({ length: shape.reduce((a, b) => a * b, 1) }, draw);
}

/** A folder as transformers would have saved the model. */
export const folderOf = ({ config, tensors, windows }: Golden) =>
  folderWith({
    'config.json': JSON.stringify(config),
    'model.safetensors': safetensors(
      Object.fromEntries(Object.entries(tensors).map(([name, spec]) => [name, f32(spec.shape, valuesOf(spec))])),
      { format: 'pt' },
    ),
    'windows.json': JSON.stringify(windows),
  });
