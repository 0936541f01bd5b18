// The kinds of options that the commands are made of. Values are read strictly: what is not wholly a number of the
// right kind is refused with what was expected. Defaults stand in the help only: the library fills them in, because it
// distinguishes what was asked for from what was not.

import { Argument, type Command, Option } from 'commander';
import { BACKENDS, type BackendName, KEY_DTYPES, type KeyDType } from '../backend/backend.js';
import { UsageError } from '../errors.js';
import { PREFERENCES, type Preference, WEIGHT_VALUES, type WeightValues } from '../models/forms.js';
import { didYouMean } from '../nearest.js';
import { quoted } from '../quoted.js';

/** Options of every command. */
export interface CommonOptions {
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

/** Options of every command that runs a model. */
export interface EngineFlags extends CommonOptions {
  backend?: BackendName;
  threads?: number;
  deterministic?: boolean;
}

/** Options of every command that runs a model as it is. */
export interface RunFlags extends EngineFlags {
  prefer?: Preference;
  values?: WeightValues;
}

/** An option of every command that keeps keys and values. */
export interface CacheFlags {
  kvCache?: KeyDType;
}

/** What the library uses where the option is left out, as help shows it. */
type Fallback = string | number | undefined;

/** A whole number of at least `least`. */
export function wholeNumber(flags: string, help: string, fallback?: Fallback, least = 1): Option {
  return valued(flags, help, fallback, `a whole number of ${least} or more`, (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return Number.isSafeInteger(value) && value >= least ? value : undefined;
  });
}

const units = new Map([
  ['', 1],
  ['k', 1e3],
  ['m', 1e6],
  ['g', 1e9],
  ['ki', 2 ** 10],
  ['mi', 2 ** 20],
  ['gi', 2 ** 30],
]);

/** A number of bytes, such as 512MB or 4GiB. */
export function bytes(flags: string, help: string, fallback: number): Option {
  return valued(flags, help, `${fallback / 2 ** 30}GiB`, 'a number of bytes such as 512MB or 4GiB', (text) => {
    const [, amount, unit] = /^(\d+(?:\.\d+)?) ?([kmg]i?|)b?$/i.exec(text) ?? [];
    const value = Math.round(Number(amount) * (units.get(unit?.toLowerCase() ?? '') ?? Number.NaN));
    return Number.isSafeInteger(value) ? value : undefined;
  });
}

/** Any finite number; what it may be is for the library to say. */
export function number(flags: string, help: string, fallback?: Fallback): Option {
  return valued(flags, help, fallback, 'a number', (text) => {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    return Number.isFinite(value) ? value : undefined;
  });
}

/** One of a few words. */
export function choice(flags: string, help: string, known: readonly string[], fallback?: Fallback): Option {
  const option = new Option(flags, `${help}: ${known.join(', ')}${byDefault(fallback)}`);
  return option.argParser((text) => {
    if (known.includes(text)) return text;
    const several = known.length > 1 ? `one of ${known.join(', ')}` : known[0];
    throw new UsageError(`expected ${option.long} to be ${several}, got ${quoted(text)}${didYouMean(text, known)}`);
  });
}

/** A file, a folder or a list of sources: another option in its place is a forgotten value. */
export function place(flags: string, help: string, fallback?: Fallback): Option {
  return valued(flags, help, fallback, 'a file or folder', (text) => (/^(--|$)/.test(text) ? undefined : text));
}

/** A text that may be given several times. */
export function texts(flags: string, help: string): Option {
  return new Option(flags, help).argParser((text: string, before: string[] = []) => [...before, text]);
}

/** The MODEL of a command that writes a folder, and must be given one; of the others, which run the embedded model. */
export function modelArgument(required = false): Argument {
  const help = 'Hugging Face folder, or org/name[@revision] from the hub';
  const argument = required
    ? new Argument('<MODEL>', help)
    : new Argument('[MODEL]', `${help} (default: the embedded model)`);
  return argument.argParser((text) => {
    if (text !== '') return text;
    throw new UsageError('expected MODEL to be a folder or a name on the hub, got ""');
  });
}

/** The MODELs of a command that takes several, one after the other. */
export function modelsArgument(): Argument {
  const help = 'Hugging Face folders, or org/name[@revision] from the hub (default: the embedded model)';
  return new Argument('[MODEL...]', help).argParser((text: string, before: string[] | undefined) => {
    if (text !== '') return [...(before ?? []), text];
    throw new UsageError('expected MODEL to be a folder or a name on the hub, got ""');
  });
}

/** Adds what every command has. */
export function withCommon(command: Command): Command {
  return command
    .option('--json', 'print one JSON document on stdout')
    .option('--quiet', 'print results only: no progress, no remarks')
    .option('--verbose', 'print details, and the stack of an error');
}

/** Adds what every command that keeps keys and values has. */
export function withCache(command: Command): Command {
  const help = 'what keys and values are kept as; bf16 takes half the memory and rounds them';
  return command.addOption(choice('--kv-cache <TYPE>', help, KEY_DTYPES, 'f32'));
}

/** Adds what every command that runs a model has. */
export function withEngine(command: Command): Command {
  return withCommon(
    command
      .addOption(choice('--backend <NAME>', 'device that computes', BACKENDS, 'wasm'))
      .addOption(wholeNumber('--threads <N>', 'threads that compute', 'physical cores'))
      .option('--deterministic', 'the same bits on every machine, at some cost in speed'),
  );
}

/** Adds what decides in which form weights are in memory. */
export function withForms(command: Command): Command {
  return command
    .addOption(
      choice('--prefer <WHAT>', 'what decides whether a pruned layer runs as a sparse matrix', PREFERENCES, 'speed'),
    )
    .addOption(choice('--values <WHAT>', 'weights in memory; int8 rounds them', WEIGHT_VALUES, 'stored'));
}

/** Adds what every command has that runs a model as it is. */
export function withRun(command: Command): Command {
  return withEngine(withForms(command));
}

function valued(
  flags: string,
  help: string,
  fallback: Fallback,
  expected: string,
  parse: (text: string) => unknown,
): Option {
  const option = new Option(flags, help + byDefault(fallback));
  return option.argParser((text) => {
    const value = parse(text);
    if (value === undefined) throw new UsageError(`expected ${option.long} to be ${expected}, got ${quoted(text)}`);
    return value;
  });
}

const byDefault = (fallback: Fallback) => (fallback === undefined ? '' : ` (default: ${fallback})`);
