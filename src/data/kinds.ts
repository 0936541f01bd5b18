// The kinds of source that texts and windows come from.

import type { Documents } from './documents.js';

export const protocols = ['wikitext2', 'c4', 'ptb'] as const;
export type Protocol = (typeof protocols)[number];

/** One text, used as it is. */
export interface TextSource {
  kind: 'text';
  /** How results call it: the file's base name, or the protocol. */
  name: string;
  text: string;
}

/** Several texts. */
export interface DocumentsSource {
  kind: 'documents';
  name: string;
  documents: string[];
}

/** Several texts in their file, to draw from. */
export interface StoredSource {
  kind: 'stored';
  name: string;
  /** Of the data set's repository, where the source is of the hub. */
  commit?: string;
  documents: Documents;
}

/** Token windows, used as they are and in order; each has at least two ids, all ≥ 0. */
export interface WindowsSource {
  kind: 'windows';
  name: string;
  windows: Int32Array[];
}

/** A published data set, cut into its rows (algorithms.md §11 says what is done with them). */
export interface ProtocolSource {
  kind: 'protocol';
  protocol: Protocol;
  name: string;
  /** As of stored documents. */
  commit?: string;
  /** c4: documents, at least as many as the protocol takes; wikitext2: lines, blank ones empty, others with their "\n"; ptb: sentences. */
  rows: string[];
}

/** What an evaluation takes. */
export type Source = TextSource | DocumentsSource | WindowsSource | ProtocolSource;

/** What a calibration takes. */
export type CalibrationSource = Source | StoredSource;
