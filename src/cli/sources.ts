// The list SOURCE[,SOURCE] of `eval`: taken apart, and each source given a name of its own in the results.

import { existsSync } from 'node:fs';

/** The file of a source, and how results call it. */
type Split = (source: string) => { path: string; name: string };

/** The sources of a list. A comma may also belong to the name of a file: the longest file that exists is taken. */
export function splitSources(list: string, split: Split): string[] {
  const pieces = list.split(',');
  const sources: string[] = [];
  for (let at = 0; at < pieces.length; ) {
    let end = pieces.length;
    while (end > at + 1 && !existsSync(split(pieces.slice(at, end).join(',')).path)) end--;
    sources.push(pieces.slice(at, end).join(','));
    at = end;
  }
  return sources;
}

/** Each source once, with its name; where two would have the same name, what was given is the name. */
export function namesOf(sources: readonly string[], split: Split): Map<string, string> {
  const unique = [...new Set(sources)];
  const shared = (name: string) => unique.filter((source) => split(source).name === name).length > 1;
  return new Map(
    unique.map((source) => {
      const { name } = split(source);
      return [source, shared(name) ? source : name];
    }),
  );
}
