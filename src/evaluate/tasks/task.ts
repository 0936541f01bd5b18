// What a task is: data. Which columns its documents have, what is asked with them (templates), what answers count as right,
// which splits and metrics belong to it, and a version that changes whenever a result would.

/** What a task may be measured by (metrics.ts says how). */
export const metricNames = [
  'acc',
  'acc_norm',
  'perplexity',
  'word_perplexity',
  'byte_perplexity',
  'bits_per_byte',
  'exact_match',
] as const;
export type MetricName = (typeof metricNames)[number];

/** What a column holds: a text, a list of texts, or a whole number (which may be written as a text). */
export type ColumnKind = 'text' | 'texts' | 'number';

/** Where the number of the right answer, from 0 on, stands: in a column, or as the place of a column's value in a list. */
export interface Gold {
  column: string;
  /** A column of texts, or the texts themselves; without it the column is the number. */
  among?: string | readonly string[];
}

/** Several texts: a template for each, or one for each item of a column of texts, `{{ item }}` being the item. */
export type Texts = readonly string[] | { each: string; text: string };

/**
 * One form in which a task's documents come, recognised by its columns, and the templates that make prompts of it (docs/tasks.md).
 * A multiple choice has `choices` on one `context`, or `contexts` before one `target`; the other requests have a `target`.
 */
export interface Shape {
  /** By name, or by path (`choices.text`) inside objects. */
  columns: Readonly<Record<string, ColumnKind>>;
  /** A text that a column must have in it. */
  holds?: Readonly<Record<string, string>>;
  /** What alone a column may be. */
  values?: Readonly<Record<string, readonly string[]>>;
  /** More names for templates, made by templates, in order. */
  let?: Readonly<Record<string, string>>;
  context?: string;
  contexts?: Texts;
  choices?: Texts;
  target?: string;
  gold?: Gold;
  /** Whether the harness adds query, choices and gold to each document (its `process_docs`), as they then are in its files. */
  processed?: boolean;
  /** What the harness's files have as target of a multiple choice: the number of the right choice, or its text; the number. */
  logs?: 'number' | 'choice';
}

/** What a task asks a model for. */
export const requestKinds = ['multiple_choice', 'loglikelihood', 'loglikelihood_rolling', 'generate_until'] as const;
export type RequestKind = (typeof requestKinds)[number];

export interface Task {
  /** Of the task and of its file, `NAME.jsonl`. */
  name: string;
  /** Other names that its file may have. */
  files?: readonly string[];
  /** Of the prompts and metrics; for tasks of the harness its `metadata.version`. */
  version: number;
  /** The data set on the Hub. */
  dataset: { path: string; name: string | null };
  /**
   * Its splits, as the harness names them: `test` is evaluated where there is one, else `validation`; examples (few-shot)
   * come from `training` where there is one.
   */
  splits: { training?: string; validation?: string; test?: string };
  request: RequestKind;
  /** The first one whose columns a file has is used. */
  shapes: readonly Shape[];
  metrics: readonly MetricName[];
  /** Texts at which `generate_until` stops; two line ends. */
  until?: readonly string[];
  /** New tokens at most of `generate_until`; 256. */
  maxTokens?: number;
}
