// A SOURCE of the command line: what a name such as `notes.txt`, `docs.jsonl` or `wikitext2=wiki.test.raw` stands for,
// read into one of four kinds. What becomes of it (windows) is calibration.ts and evaluation.ts.

import { basename, extname } from 'node:path';
import { DataError, UsageError } from '../errors.js';
import { parseJson, parseJsonLines } from './json-source.js';
import { type Protocol, protocols, type Source } from './kinds.js';
import { linesOf, readBytes, textOf } from './text-file.js';

const isProtocol = (name: string): name is Protocol => (protocols as readonly string[]).includes(name);

/** The parts of a SOURCE: the protocol before the `=`, if there is one; the file; and how results call it. */
export function splitSource(source: string): { protocol: Protocol | null; path: string; name: string } {
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
 * Reads what `source` names: FILE.txt (any other ending too), FILE.jsonl, FILE.json, or `wikitext2=FILE`, `c4=FILE`,
 * `ptb=FILE`. A file that is called like a protocol is reached as `./c4`.
 * @throws UsageError for a protocol without a file; DataError for a file that cannot be used
 */
export async function readSource(source: string): Promise<Source> {
  if (isProtocol(source))
    throw new UsageError(
      `expected ${source}=FILE, got ${source} alone: this version does not download data sets; give it from a file`,
    );
  const { protocol, path, name } = splitSource(source);
  if (protocol !== null) {
    if (path === '') throw new UsageError(`expected ${protocol}=FILE, got no file after the "="`);
    const bytes = await readBytes(path);
    return { kind: 'protocol', protocol, name, rows: rowsOf[protocol](bytes, path) };
  }
  if (source === '') throw new UsageError('expected a SOURCE (a file, or PROTOCOL=FILE), got nothing');
  const bytes = await readBytes(source);
  const ending = extname(source).toLowerCase();
  if (ending === '.jsonl') return { kind: 'documents', name, documents: parseJsonLines(bytes, source) };
  if (ending === '.json') return { name, ...parseJson(bytes, source) };
  return { kind: 'text', name, text: textOf(bytes, source) };
}

const rowsOf: Record<Protocol, (bytes: Buffer, path: string) => string[]> = {
  wikitext2: (bytes, path) =>
    textOf(bytes, path)
      .replace(/\n$/, '')
      .split('\n')
      .map((row) => (row.trim() === '' ? '' : `${row}\n`)),
  ptb: (bytes, path) => Array.from(linesOf(bytes, path), ({ text }) => text.trim()),
  c4(bytes, path) {
    const parsed = extname(path) === '.jsonl' ? parseJsonLines(bytes, path) : parseJson(bytes, path);
    if (Array.isArray(parsed)) return parsed;
    if (parsed.kind === 'documents') return parsed.documents;
    if (parsed.kind === 'text') return [parsed.text];
    throw new DataError({ expected: 'documents (objects with a text, one a line)', got: 'token ids', where: path });
  },
};
