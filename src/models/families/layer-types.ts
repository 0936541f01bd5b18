// Families whose layers are of two types: those that see the whole sequence and those that see a window of it.

import type { ConfigReader } from '../../checkpoint/config.js';

export type LayerType = 'full_attention' | 'sliding_attention';

const isLayerType = (x: unknown): x is LayerType => x === 'full_attention' || x === 'sliding_attention';

/** The type of each layer, from `layer_types` or, where it is missing, by the family's rule. */
export function readLayerTypes(
  config: ConfigReader,
  layers: number,
  rule: (layer: number) => LayerType,
): readonly LayerType[] {
  const items = 'of "full_attention" or "sliding_attention"';
  return config.list('layer_types', layers, items, isLayerType) ?? Array.from({ length: layers }, (_, b) => rule(b));
}

/** The window of each layer: `sliding_window` where its type slides. */
export function windows(types: readonly LayerType[], sliding_window: number | null): (block: number) => number | null {
  return (block) => (types[block] === 'sliding_attention' ? sliding_window : null);
}
