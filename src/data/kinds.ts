// The four kinds of source that texts and windows come from.

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

/** Token windows, used as they are and in order; each has at least two ids, all ≥ 0. */
export interface WindowsSource {
  kind: 'windows';
  name: string;
  windows: Int32Array[];
}

/** A published data set on a local file, cut into its rows (algorithms.md §11 says what is done with them). */
export interface ProtocolSource {
  kind: 'protocol';
  protocol: Protocol;
  name: string;
  /** c4: documents; wikitext2: lines, blank ones empty, others with their "\n"; ptb: sentences. */
  rows: string[];
}

export type Source = TextSource | DocumentsSource | WindowsSource | ProtocolSource;
