// What a benchmark file does with its tables: text for a reader, or, with --json, one line of JSON for a program.

import { machine } from './machine.mjs';
import { textOf } from './table.mjs';

export function print(tables) {
  if (process.argv.includes('--json')) console.log(JSON.stringify({ machine: machine(), tables }));
  else console.log([machine(), '', ...tables.map(textOf)].join('\n'));
}
