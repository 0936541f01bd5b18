// Dense or sparse, f32 or bf16: the form in which a matrix is in memory while a model runs, and the choice of it.

/** What a layer's form is chosen for: the time that it takes, or the memory. */
export const PREFERENCES = ['speed', 'size'] as const;
export type Preference = (typeof PREFERENCES)[number];

/**
 * Share of zeros from which a sparse matrix is the faster form of a layer, for one token and for many; `npm run bench --
 * sparse` measures it.
 */
export const FASTER_FROM = 0.5;

/** A matrix in memory: its values, and whether its zeros are left out. */
export interface Form {
  values: 'f32' | 'bf16';
  sparse: boolean;
}

/** A linear layer of a block in memory. */
export interface LayerForm extends Form {
  block: number;
  /** Name inside the block, without ".weight". */
  name: string;
  /** Share of its weights that are 0. */
  sparsity: number;
}

/**
 * The form that a matrix had better have. What a checkpoint holds in bf16 stays so, everything else is f32: no form rounds.
 * @param sparsity share of its weights that are 0
 * @param dtype of the matrix in the checkpoint
 */
export function formOf(sparsity: number, dtype: string, prefer: Preference): Form {
  const values = dtype === 'BF16' ? 'bf16' : 'f32';
  const bytes = values === 'bf16' ? 2 : 4;
  // An entry takes two bytes for its column. Rows of a group have nearly the same number of entries.
  const smaller = 1.03 * (1 - sparsity) * (bytes + 2) < bytes;
  return { values, sparse: prefer === 'speed' ? sparsity >= FASTER_FROM : smaller };
}
