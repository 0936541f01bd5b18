// A SOURCE of the command line: what a name such as `notes.txt`, `docs.jsonl.gz`, `wikitext2=wiki.test.raw` or `c4` stands
// for, read into one of a few kinds. What becomes of it (windows) is calibration.ts and evaluation.ts.

import { basename, extname } from 'node:path';
import { DataError, UsageError } from '../errors.js';
import { wholeContent } from './content.js';
import { c4Documents } from './evaluation.js';
import { openJsonLines, readJsonLines } from './json-lines.js';
import { holdsJsonLines, parseJson, tooMuchJson } from './json-source.js';
import { type CalibrationSource, type Protocol, protocols, type Source } from './kinds.js';
import { checkCount, mostDocuments, mostJsonBytes } from './limits.js';
import { openParquet, readParquet } from './parquet.js';
import type { PublishedOptions, Use } from './published.js';
import { textOf, withFile } from './text-file.js';

export type { Use } from './published.js';

export interface ReadOptions<U extends Use = Use> extends PublishedOptions {
  /** 'evaluation' where left out. Documents to calibrate on stay in their file. */
  use?: U;
}

const isProtocol = (name: string): name is Protocol => (protocols as readonly string[]).includes(name);

interface SourceParts {
  protocol: Protocol | null;
  path: string;
  name: string;
}

/** The parts of a SOURCE: the protocol before the `=`, if there is one; the file; and how results call it. */
export function splitSource(source: string): SourceParts {
  const [, protocol, path] = /^([a-z0-9]+)=(.*)$/s.exec(source) ?? [];
  if (protocol !== undefined && isProtocol(protocol)) return { protocol, path, name: protocol };
  return { protocol: null, path: source, name: basename(source) };
}

/** Each source once, with its name in results; where two would have the same name, what was given is the name. */
export function namesOf(sources: readonly string[]): Map<string, string> {
  const unique = [...new Set(sources)];
  const shared = (name: string) => unique.filter((source) => splitSource(source).name === name).length > 1;
  return new Map(
    unique.map((source) => {
      const { name } = splitSource(source);
      return [source, shared(name) ? source : name];
    }),
  );
}

/**
 * Where the file of a SOURCE is: the one that is named, or of `wikitext2`, `c4` and `ptb` alone the data set's own on the
 * hub, downloaded into the cache. A file that is called like a protocol is reached as `./c4`.
 * @throws UsageError for a protocol without a file; DataError where there is none
 */
export async function locateSource(
  source: string,
  { use = 'evaluation', ...options }: ReadOptions = {},
): Promise<SourceParts & { commit?: string }> {
  if (isProtocol(source)) {
    const { publishedFile } = await import('./published.js');
    return { protocol: source, name: source, ...(await publishedFile(source, use, options)) };
  }
  const parts = splitSource(source);
  if (parts.path === '')
    throw new UsageError(
      parts.protocol === null
        ? 'expected a SOURCE (a file, or PROTOCOL=FILE), got nothing'
        : `expected ${parts.protocol}=FILE, got no file after the "="`,
    );
  await withFile(parts.path, async () => {});
  return parts;
}

/**
 * Reads what `source` names: FILE.txt (any other ending too), FILE.jsonl, FILE.json, FILE.parquet, each also packed as
 * gzip; `wikitext2=FILE`, `c4=FILE`, `ptb=FILE`; or these three alone, from the hub.
 * @throws UsageError for a protocol without a file; DataError for a file that cannot be used
 */
export async function readSource(source: string, options?: ReadOptions<'evaluation'>): Promise<Source>;
export async function readSource(source: string, options: ReadOptions): Promise<CalibrationSource>;
export async function readSource(source: string, options: ReadOptions = {}): Promise<CalibrationSource> {
  const { protocol, path, ...named } = await locateSource(source, options);
  const { name } = named;
  const { use, signal, onProgress } = options;
  const running = { signal, onProgress };
  const form = await formOf(path, protocol, running);
  if (protocol === 'wikitext2' || protocol === 'ptb') {
    const columns = protocol === 'ptb' ? ['sentence', 'text'] : ['text'];
    const rows =
      form === 'parquet'
        ? await readParquet(path, columns, running)
        : linesOfText(textOf(await wholeContent(path, running), path), path).map(rowOf[protocol]);
    return { kind: 'protocol', protocol, ...named, rows };
  }
  if (form === 'lines' || form === 'parquet') {
    if (use === 'calibration') {
      const open = form === 'lines' ? openJsonLines(path, running) : openParquet(path, ['text'], running);
      return { kind: 'stored', ...named, documents: await open };
    }
    const most = protocol === null ? undefined : c4Documents;
    const read = form === 'lines' ? readJsonLines(path, running, most) : readParquet(path, ['text'], running, most);
    return protocol === null
      ? { kind: 'documents', name, documents: await read }
      : { kind: 'protocol', protocol, ...named, rows: await read };
  }
  if (form === 'text') return { kind: 'text', name, text: textOf(await wholeContent(path, running), path) };
  const json = parseJson(await wholeContent(path, running, { most: mostJsonBytes(), refusal: tooMuchJson }), path);
  if (protocol === null) return { name, ...json };
  if (json.kind === 'windows')
    throw new DataError({ expected: 'documents (objects with a text, one a line)', got: 'token ids', where: path });
  return { kind: 'protocol', protocol, ...named, rows: json.kind === 'text' ? [json.text] : json.documents };
}

/** How a file is read: by its ending, `.gz` left out; C4 is JSON whatever its file is called. */
async function formOf(
  path: string,
  protocol: Protocol | null,
  options: PublishedOptions,
): Promise<'text' | 'json' | 'lines' | 'parquet'> {
  const ending = extname(path.replace(/\.gz$/i, '')).toLowerCase();
  if (ending === '.parquet') return 'parquet';
  if (ending === '.jsonl' && protocol !== 'wikitext2' && protocol !== 'ptb') return 'lines';
  if (ending !== '.json' && protocol !== 'c4') return 'text';
  return (await holdsJsonLines(path, options)) ? 'lines' : 'json';
}

/** The lines of a text, each of which becomes a row. */
function linesOfText(text: string, path: string): string[] {
  let count = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    checkCount(++count, mostDocuments, 'lines', path);
  }
  return text.replace(/\n$/, '').split('\n');
}

const rowOf = {
  wikitext2: (line: string) => (line.trim() === '' ? '' : `${line}\n`),
  ptb: (line: string) => line.trim(),
};
