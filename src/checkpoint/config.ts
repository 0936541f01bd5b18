// config.json through typed questions. Each family asks for its keys under the names that transformers gives them and
// passes transformers' default; a key that is missing or null gets it, a value that makes no sense is refused here.

import { ConfigError } from '../errors.js';
import { quoted } from '../quoted.js';
import { folderAt } from './disk-folder.js';
import type { Folder } from './folder.js';
import { readJsonIn } from './json-file.js';

/** Above any dimension of a real model, and small enough that products of two stay exact. */
const largest = 2 ** 27;

const isObject = (x: unknown) => typeof x === 'object' && x !== null && !Array.isArray(x);

/** Rotary position embedding, whichever spelling the file has. */
export interface RopeConfig {
  rope_theta: number;
  /** `default`, `linear`, `dynamic`, `llama3`, `yarn`, … */
  rope_type: string;
  /** Share of each head that is rotated, in (0, 1]. */
  partial_rotary_factor: number;
  /** The section itself, for what a rope type needs besides (`factor`, `low_freq_factor`, …). */
  parameters: ConfigReader;
}

/** What a family assumes where config.json does not say. */
export interface RopeDefaults {
  rope_theta: number;
  /** Left out by families that turn the whole head and know no such key. */
  partial_rotary_factor?: number;
  layerType?: string;
  /** Names that the keys beside the section have in older files of the family (`rotary_pct`). */
  aliases?: { rope_theta?: string; partial_rotary_factor?: string };
}

export class ConfigReader {
  /** @param where the file, and the section inside it, for messages */
  constructor(
    readonly raw: Readonly<Record<string, unknown>>,
    readonly where: string,
  ) {}

  /** An integer in 1..limit. A missing or null key gives `fallback`, which may be null; without one it is an error. */
  positiveInteger<D extends number | null = never>(key: string, fallback?: D, limit = largest): number | D {
    const fits = (x: unknown) => Number.isInteger(x) && (x as number) >= 1 && (x as number) <= limit;
    return this.value(key, `a whole number from 1 to ${limit}`, fits, fallback);
  }

  /** A number in (0, limit]; a missing or null key as in `positiveInteger`. */
  positiveNumber<D extends number | null = never>(key: string, fallback?: D, limit = 1e12): number | D {
    const fits = (x: unknown) => typeof x === 'number' && x > 0 && x <= limit;
    return this.value(key, `a positive number of at most ${limit}`, fits, fallback);
  }

  /** As `positiveInteger`, 0 included. */
  wholeNumber(key: string, fallback: number): number {
    const fits = (x: unknown) => Number.isInteger(x) && (x as number) >= 0 && (x as number) <= largest;
    return this.value(key, `a whole number from 0 to ${largest}`, fits, fallback);
  }

  /** For a key of which one value is supported; a missing or null key is taken for it. `expected` says what it means. */
  only(key: string, value: unknown, expected: string): void {
    const found = this.get(key) ?? value;
    if (found === value) return;
    throw new ConfigError({
      expected: `${expected} (${key} ${quoted(value)})`,
      got: quoted(found),
      where: this.where,
    });
  }

  boolean(key: string, fallback?: boolean): boolean {
    return this.value<boolean>(key, 'true or false', (x) => typeof x === 'boolean', fallback);
  }

  text<D extends string | null = never>(key: string, fallback?: D): string | D {
    return this.value(key, 'a text', (x) => typeof x === 'string', fallback);
  }

  /** Token ids: a number, a list of numbers, or none. -1, which some files write for "no such token", is left out. */
  tokenIds(key: string): number[] {
    const isId = (x: unknown) => Number.isInteger(x) && (x as number) >= -1 && (x as number) <= largest;
    const fits = (x: unknown) => (Array.isArray(x) ? x.every(isId) : isId(x));
    return [this.value<number | number[]>(key, 'a token id or a list of them', fits, [])]
      .flat()
      .filter((id) => id >= 0);
  }

  /** Whether the key is absent or null, which mean the same to transformers for most keys. */
  isMissing(key: string): boolean {
    return (this.get(key) ?? null) === null;
  }

  /** An object inside this one; undefined where it is missing or null. */
  section(key: string): ConfigReader | undefined {
    const found = this.value<Record<string, unknown> | null>(key, 'an object {…}', isObject, null);
    return found ? new ConfigReader(found, `${this.where}, ${key}`) : undefined;
  }

  /** The dtype of the weights as transformers calls it (`float16`), from `dtype` or, before v5, `torch_dtype`. */
  dtype(): string | null {
    return this.text('dtype', this.text('torch_dtype', null))?.replace(/^torch\./, '') ?? null;
  }

  /** As `positiveInteger`, for a key where null says "none": only a missing key gives the fallback. */
  integerOrNull(key: string, fallback: number | null): number | null {
    return this.raw[key] === null ? null : this.positiveInteger(key, fallback);
  }

  /** As `positiveNumber`, for a key where null says "none". */
  numberOrNull(key: string, fallback: number | null): number | null {
    return this.raw[key] === null ? null : this.positiveNumber(key, fallback);
  }

  /** A list of `length` items that all pass `fits`; null where the key is missing or null. */
  list<T>(key: string, length: number, items: string, fits: (item: unknown) => item is T): T[] | null {
    const isList = (x: unknown) => Array.isArray(x) && x.length === length && x.every(fits);
    return this.value<T[] | null>(key, `a list of ${length} ${items}`, isList, null);
  }

  /**
   * Rope settings from `rope_scaling` (before transformers v5) or `rope_parameters`, with `rope_theta` and the share of a
   * head that turns beside them or inside. The defaults are those of the family.
   * @param layerType where the family has one set for each type of layer, the type; an old `rope_scaling` is that of
   *   full_attention
   */
  rope({ rope_theta, partial_rotary_factor, layerType, aliases = {} }: RopeDefaults): RopeConfig {
    const section = this.section('rope_scaling');
    // transformers takes an empty one for none.
    const scaling = section && Object.keys(section.raw).length > 0 ? section : undefined;
    const found = this.section('rope_parameters');
    const own = layerType === undefined ? found : found?.section(layerType);
    const scaled = layerType === undefined || layerType === 'full_attention' ? scaling : undefined;
    const parameters = scaled ?? own ?? new ConfigReader({}, `${this.where}, rope_parameters`);
    const nested = Object.keys(parameters.raw).find((key) => isObject(parameters.get(key)));
    if (nested !== undefined)
      throw new ConfigError({
        expected: 'one set of rope parameters for all layers',
        got: `a set for ${quoted(nested)}`,
        where: parameters.where,
      });
    const { rope_theta: thetaKey = 'rope_theta', partial_rotary_factor: shareKey = 'partial_rotary_factor' } = aliases;
    const share = parameters.positiveNumber(
      'partial_rotary_factor',
      this.positiveNumber(shareKey, partial_rotary_factor ?? 1, 1),
      1,
    );
    if (partial_rotary_factor === undefined && share !== 1)
      throw new ConfigError({
        expected: 'partial_rotary_factor 1, as this family turns whole heads',
        got: String(share),
        where: parameters.where,
      });
    return {
      rope_theta: parameters.positiveNumber('rope_theta', this.positiveNumber(thetaKey, rope_theta)),
      rope_type: parameters.text('rope_type', parameters.text('type', 'default')),
      partial_rotary_factor: share,
      parameters,
    };
  }

  private get(key: string): unknown {
    return Object.hasOwn(this.raw, key) ? this.raw[key] : undefined;
  }

  private value<T>(key: string, kind: string, fits: (value: unknown) => boolean, fallback: T | undefined): T {
    const value = this.get(key) ?? fallback;
    // A default is the caller's own and need not fit: it may be null.
    if (value !== undefined && (value === fallback || fits(value))) return value as T;
    throw new ConfigError({ expected: `${kind} for ${key}`, got: quoted(value), where: this.where });
  }
}

/** Reads `folder`/config.json. Throws a ConfigError if it is missing or not a JSON object. */
export async function readConfig(at: string | Folder, signal?: AbortSignal): Promise<ConfigReader> {
  const folder = folderAt(at);
  const file = await readJsonIn(folder, 'config.json', ConfigError, signal);
  if (file) return new ConfigReader(file.value, folder.pathOf('config.json'));
  throw new ConfigError({
    expected: 'a Hugging Face model folder with a config.json',
    got: 'none',
    where: folder.name,
  });
}
