// The run record: everything from which a pruning run can be repeated, and what came out. Its form is the JSON contract
// of the command line, schema 1; it lies beside the weights as neuroal.json.

import type { Format } from '../checkpoint/sparse/layout.js';
import type { EngineRecord } from '../record.js';
import type { Plan } from './options.js';

/** One candidate of a search, as the run record shows it. */
export interface Candidate {
  lambda: number;
  /** Of the blocks that were run: a lower bound where that was not all of them. */
  misalignment: number;
  /** Blocks that were run. */
  blocks: number;
  /** Whether that was all of them. */
  complete: boolean;
}

export interface Search {
  lambda: { block: number | null; row: number | null };
  block: Candidate[];
  row: Candidate[];
  blockPasses: { run: number; exhaustive: number };
}

export interface LayerRecord {
  /** As in the checkpoint, without ".weight". */
  name: string;
  block: number;
  rows: number;
  cols: number;
  /** Sparsity asked of it (of its rows, on average). */
  target: number;
  zeros: number;
  /** In a sparse folder only: dense where the sparse form would not be smaller. */
  format?: Format;
}

export interface RunRecord {
  schema: 1;
  version: string;
  /** ISO time. */
  created: string;
  model: { source: string; family: string; parameters: number };
  prune: Omit<Plan, 'policy' | 'score' | 'allocator'>;
  calibration: {
    source: string;
    /** Of the data set's repository, where the source is of the hub. */
    commit?: string;
    windows: number;
    searchWindows: number;
    seqLen: number;
    seed: number;
    /** Of all windows as int32, little-endian. */
    sha256: string;
  };
  search: Search | null;
  /** What the targets were made from where no λ was searched: outlier shares, exponents, the perplexities of ramps. */
  evidence: Readonly<Record<string, unknown>> | null;
  /** Of the folder. */
  format: Format;
  layers: LayerRecord[];
  sparsity: { weights: number; zeros: number; achieved: number };
  engine: EngineRecord;
  seconds: { load: number; search: number; prune: number; save: number; total: number };
  peakRssBytes: number;
}
