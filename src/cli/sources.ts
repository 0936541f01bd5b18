// The list SOURCE[,SOURCE] of `eval`, taken apart.

import { existsSync } from 'node:fs';

/** The file of a source. */
type Split = (source: string) => { path: string };

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
