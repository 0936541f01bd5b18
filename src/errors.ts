// Every error a user can meet says what was expected, what came, where, and what to do about it.
// The classes tell whose doing it is, so that a caller can react without reading the text.

export type ErrorCode = 'USAGE' | 'CHECKPOINT' | 'CONFIG' | 'DATA' | 'BACKEND' | 'OUTPUT';

/** Of the classes; a bundler may shorten their own. */
const NAMES: Record<ErrorCode, string> = {
  USAGE: 'UsageError',
  CHECKPOINT: 'CheckpointError',
  CONFIG: 'ConfigError',
  DATA: 'DataError',
  BACKEND: 'BackendError',
  OUTPUT: 'OutputError',
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** What an error knows besides its text. */
export interface ErrorParts {
  expected?: string;
  got?: string;
  /** File, tensor or option that the error is about. */
  where?: string;
  cause?: unknown;
}

/** Base class: a message fit for a person, a code fit for a program. */
export class NeuroalError extends Error {
  readonly code: ErrorCode;
  readonly expected: string | undefined;
  readonly got: string | undefined;
  readonly where: string | undefined;

  constructor(code: ErrorCode, message: string, parts: ErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = NAMES[code];
    this.code = code;
    this.expected = parts.expected;
    this.got = parts.got;
    this.where = parts.where;
  }

  /** "expected X, got Y, in Z": the one shape of message that every subclass uses. */
  static text({ expected, got, where }: ErrorParts): string {
    const parts = [`expected ${expected}`];
    if (got !== undefined) parts.push(`got ${got}`);
    if (where !== undefined) parts.push(`in ${where}`);
    // What a file says may hold anything; a terminal would obey control characters.
    return parts.join(', ').replace(controls, '?');
  }
}

/** An option or argument that makes no sense: the command line exits with 2. */
export class UsageError extends NeuroalError {
  constructor(message: string) {
    super('USAGE', message);
  }
}

/** Weights that are missing, malformed, of the wrong shape, or not finite. */
export class CheckpointError extends NeuroalError {
  constructor(parts: ErrorParts) {
    super('CHECKPOINT', NeuroalError.text(parts), parts);
  }
}

/** A config.json that is missing, unreadable, or describes no model this project knows. */
export class ConfigError extends NeuroalError {
  constructor(parts: ErrorParts) {
    super('CONFIG', NeuroalError.text(parts), parts);
  }
}

/** Texts, token windows or tokenizer files that cannot be used. */
export class DataError extends NeuroalError {
  constructor(parts: ErrorParts) {
    super('DATA', NeuroalError.text(parts), parts);
  }
}

/** The engine was asked for something it cannot do, or ran out of memory. */
export class BackendError extends NeuroalError {
  constructor(parts: ErrorParts) {
    super('BACKEND', NeuroalError.text(parts), parts);
  }
}

/** The result could not be written; nothing that was there before is touched. */
export class OutputError extends NeuroalError {
  constructor(parts: ErrorParts) {
    super('OUTPUT', NeuroalError.text(parts), parts);
  }
}
