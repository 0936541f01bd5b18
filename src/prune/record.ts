// The run record: everything from which a pruning run can be repeated, and what came out. Its form is the JSON contract
// of the command line, schema 1; it lies beside the weights as neuroal.json.

import type { EngineRecord } from '../record.js';
import type { Search } from './allocate/neuroal.js';
import type { Plan } from './options.js';

export interface LayerRecord {
  /** As in the checkpoint, without ".weight". */
  name: string;
  block: number;
  rows: number;
  cols: number;
  /** Sparsity asked of it (of its rows, on average). */
  target: number;
  zeros: number;
}

export interface RunRecord {
  schema: 1;
  version: string;
  /** ISO time. */
  created: string;
  model: { source: string; family: string; parameters: number };
  prune: Omit<Plan, 'policy'> & { rounding: 'published' };
  calibration: {
    source: string;
    windows: number;
    searchWindows: number;
    seqLen: number;
    seed: number;
    /** Of all windows as int32, little-endian. */
    sha256: string;
  };
  search: Search | null;
  layers: LayerRecord[];
  sparsity: { weights: number; zeros: number; achieved: number };
  engine: EngineRecord;
  seconds: { load: number; search: number; prune: number; save: number; total: number };
  peakRssBytes: number;
}
