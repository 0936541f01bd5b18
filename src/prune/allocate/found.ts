// What comes of looking for an allocation.

import type { Allocation } from '../allocation.js';
import type { Search } from '../record.js';

/** An allocation, and how it was found. */
export interface Found {
  allocation: Allocation;
  /** Of λ. */
  search: Search | null;
  /** What else it was made from, for the run record. */
  evidence: Readonly<Record<string, unknown>> | null;
}
