// What the files of a tokenizer are made of, and typed questions to it: a value of the wrong kind counts as none, as it
// does for transformers in most places.

/** The content of a JSON file. */
export type Json = Record<string, unknown>;

/** Whether `value` is an object {…}. */
export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A list, or none. */
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
