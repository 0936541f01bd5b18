// Prompt templates: texts with `{{ column }}` and `{{ column | filter('argument') | … }}` in them. This is the part of
// Jinja, in which the harness's tasks are written, that tasks need, and strict: a column or a filter that is not there is
// refused when the task is read. Filters are Python's text functions; each takes time in proportion to its text.

import { DataError } from '../errors.js';
import { didYouMean } from '../nearest.js';
import { quoted } from '../quoted.js';
import { capitalize, lstrip, rstrip, strip } from './python-text.js';

type Filter = (text: string, ...args: string[]) => string;

/** Every filter, with the number of its arguments. */
const filters: Readonly<Record<string, { takes: number; apply: Filter }>> = {
  strip: { takes: 0, apply: strip },
  lstrip: { takes: 0, apply: lstrip },
  rstrip: { takes: 0, apply: rstrip },
  lower: { takes: 0, apply: (text) => text.toLowerCase() },
  upper: { takes: 0, apply: (text) => text.toUpperCase() },
  capitalize: { takes: 0, apply: capitalize },
  /** The first character small, the others as they are. */
  uncapitalize: {
    takes: 0,
    apply(text) {
      const [first = ''] = text;
      return first.toLowerCase() + text.slice(first.length);
    },
  },
  replace: { takes: 2, apply: (text, old, by) => text.replaceAll(old, () => by) },
  /** Without a beginning or an end that it has. */
  removeprefix: { takes: 1, apply: (text, part) => (text.startsWith(part) ? text.slice(part.length) : text) },
  removesuffix: { takes: 1, apply: (text, part) => (part && text.endsWith(part) ? text.slice(0, -part.length) : text) },
  /** What is before or after the first, or the last, place of a text; of one that is not there, as Python's partition. */
  before: { takes: 1, apply: (text, mark) => cut(text, text.indexOf(mark), mark, text)[0] },
  after: { takes: 1, apply: (text, mark) => cut(text, text.indexOf(mark), mark, text)[1] },
  before_last: { takes: 1, apply: (text, mark) => cut(text, text.lastIndexOf(mark), mark, '')[0] },
  after_last: { takes: 1, apply: (text, mark) => cut(text, text.lastIndexOf(mark), mark, '')[1] },
  without_last: { takes: 0, apply: (text) => Array.from(text).slice(0, -1).join('') },
  without_brackets: { takes: 0, apply: withoutBrackets },
};

type Values = ReadonlyMap<string, string>;
type Part = string | { name: string; steps: { apply: Filter; args: string[] }[] };

/** A template that is ready to be filled. */
export class Template {
  private readonly parts: readonly Part[];
  /** What it asks for. */
  readonly names: ReadonlySet<string>;

  /**
   * @param where the task and the field, for messages
   * @throws DataError for a placeholder that is none, or a filter that there is not
   */
  constructor(source: string, where: string) {
    this.parts = source
      .split(/(\{\{[\s\S]*?\}\})/)
      .map((piece, i) => (i % 2 === 0 ? piece : placeholder(piece, where)));
    this.names = new Set(this.parts.flatMap((part) => (typeof part === 'string' ? [] : [part.name])));
  }

  /** The text, `values` holding all of `names`. */
  fill(values: Values): string {
    return this.parts
      .map((part) => {
        if (typeof part === 'string') return part;
        return part.steps.reduce((text, { apply, args }) => apply(text, ...args), values.get(part.name) as string);
      })
      .join('');
  }
}

const call = /^\s*(\w+)\s*(?:\(\s*((?:'[^']*'|"[^"]*")(?:\s*,\s*(?:'[^']*'|"[^"]*"))*)\s*\))?\s*$/;

function placeholder(piece: string, where: string): Part {
  const refuse = (expected: string, got: string) => new DataError({ expected, got, where });
  const [head, ...rest] = outsideQuotes(piece.slice(2, -2));
  const [, name] = /^\s*([\w.]+)\s*$/.exec(head) ?? [];
  if (name === undefined) throw refuse('{{ column }} or {{ column | filter }}', quoted(piece));
  const steps = rest.map((text) => {
    const [, filter, list = ''] = call.exec(text) ?? [];
    if (filter === undefined) throw refuse("a filter, such as strip or before('_')", quoted(text.trim()));
    if (!Object.hasOwn(filters, filter)) {
      const known = Object.keys(filters);
      throw refuse(`a filter among ${known.join(', ')}`, quoted(filter) + didYouMean(filter, known));
    }
    const args = [...list.matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, a, b]) => a ?? b);
    const { takes, apply } = filters[filter];
    if (args.length !== takes) throw refuse(`${takes} arguments of ${filter}`, String(args.length));
    if (args.length > 0 && args[0] === '') throw refuse(`a text in the first argument of ${filter}`, '""');
    return { apply, args };
  });
  return { name, steps };
}

/** The pieces between the bars that are in no quotes. */
function outsideQuotes(text: string): string[] {
  return (text.match(/(?:'[^']*'|"[^"]*"|[^|'"])+|['"]/g) ?? ['']) as string[];
}

function cut(text: string, at: number, mark: string, absent: string): [string, string] {
  if (at < 0) return absent === '' ? ['', text] : [text, ''];
  return [text.slice(0, at), text.slice(at + mark.length)];
}

/** Without each `[` up to the next `]` on the same line: Python's `re.sub(r'\[.*?\]', '', text)`. */
function withoutBrackets(text: string): string {
  let out = '';
  let close = -1;
  let lineEnd = -1;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '[') {
      if (close !== Infinity && close < i) close = found(text.indexOf(']', i));
      if (lineEnd !== Infinity && lineEnd < i) lineEnd = found(text.indexOf('\n', i));
      if (close < lineEnd) {
        i = close;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

const found = (at: number) => (at < 0 ? Infinity : at);
