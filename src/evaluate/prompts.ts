// From a document to what a model is asked: the pairs of context and continuation, which of them is right, and how the
// document looks as an example in the prompt of another one. The texts are those of the harness, to the blank.

import { DataError, UsageError } from '../errors.js';
import { quoted } from '../quoted.js';
import type { Document } from './documents.js';
import type { Shape, Task, Texts } from './tasks/task.js';
import { Template } from './template.js';

/** Between context and continuation, and between examples. */
export const targetDelimiter = ' ';
export const fewShotDelimiter = '\n\n';

export interface Prompt {
  /** The question by itself, without examples; of contexts that differ, nothing. */
  query: string;
  /** Of each request; one for each choice of a multiple choice. */
  contexts: string[];
  /** As many; what a rolling request scores, and what a generation should be. */
  continuations: string[];
  /** The choices without what stands before them. */
  choices: string[];
  /** The right one; null where there is no choice. */
  gold: number | null;
  /** What the harness calls the target. */
  target: string;
  /** The document with its answer, as an example for others. */
  shot: string;
}

/** The templates of one shape of a task, ready to be filled. */
export class Prompts {
  private readonly let: [string, Template][];
  private readonly context: Template | null;
  private readonly target: Template | null;
  private readonly contexts: TextsTemplate | null;
  private readonly choices: TextsTemplate | null;
  private readonly multiple: boolean;

  /** @throws UsageError, DataError for a task whose parts do not fit together */
  constructor(
    { name, request }: Task,
    private readonly shape: Shape,
  ) {
    const { columns, holds, values, let: made = {}, context, contexts, choices, target, gold } = shape;
    const where = `task ${quoted(name)}`;
    const refuse = (expected: string) => new UsageError(`expected ${expected}, in ${where}`);
    const names = new Set(Object.keys(columns).filter((name) => columns[name] !== 'texts'));
    const template = (source: string, field: string, more: string[] = []) => {
      const read = new Template(source, `${where}, ${field}`);
      for (const name of read.names)
        if (!names.has(name) && !more.includes(name))
          throw new DataError({
            expected: `a name among ${[...names, ...more].join(', ')}`,
            got: quoted(name),
            where: `${where}, ${field}`,
          });
      return read;
    };
    const texts = (source: Texts, field: string): TextsTemplate => {
      if (!('each' in source)) return { each: null, templates: source.map((text) => template(text, field)) };
      if (columns[source.each] !== 'texts') throw refuse(`${field} over a column of texts, got ${quoted(source.each)}`);
      return { each: source.each, templates: [template(source.text, field, ['item'])] };
    };
    for (const column of [holds, values].flatMap((checks) => Object.keys(checks ?? {})))
      if (columns[column] !== 'text') throw refuse(`holds and values of columns of text, got ${quoted(column)}`);
    this.let = [];
    for (const [added, source] of Object.entries(made)) {
      this.let.push([added, template(source, added)]);
      names.add(added);
    }
    this.context = context === undefined ? null : template(context, 'context');
    this.target = target === undefined ? null : template(target, 'target');
    this.contexts = contexts === undefined ? null : texts(contexts, 'contexts');
    this.choices = choices === undefined ? null : texts(choices, 'choices');
    this.multiple = request === 'multiple_choice';
    if (this.multiple) {
      const onOne = this.context && this.choices && !this.contexts && !this.target;
      const beforeOne = this.contexts && this.target && !this.context && !this.choices;
      if (!onOne && !beforeOne) throw refuse('context and choices, or contexts and target');
      if (!gold) throw refuse('gold, which says where the right answer stands');
      if (!names.has(gold.column)) throw refuse(`gold of a column among ${[...names].join(', ')}`);
      if (gold.among === undefined && columns[gold.column] !== 'number') throw refuse('gold of a column of numbers');
      if (typeof gold.among === 'string' && columns[gold.among] !== 'texts')
        throw refuse('gold among a column of texts');
    } else {
      if (this.contexts || this.choices || gold || !this.target) throw refuse('a target, and neither choices nor gold');
      if ((this.context === null) !== (request === 'loglikelihood_rolling'))
        throw refuse(request === 'loglikelihood_rolling' ? 'no context' : 'a context');
    }
  }

  /** @throws DataError for a document whose right answer is not among its choices */
  of(document: Document): Prompt {
    const values = new Map<string, string>();
    for (const [name, value] of document.values) if (!Array.isArray(value)) values.set(name, String(value));
    for (const [name, template] of this.let) values.set(name, template.fill(values));
    const list = ({ each, templates }: TextsTemplate) => {
      if (each === null) return templates.map((template) => template.fill(values));
      const items = document.values.get(each) as readonly string[];
      return items.map((item) => templates[0].fill(new Map(values).set('item', item)));
    };
    const context = this.context?.fill(values) ?? '';
    const target = this.target?.fill(values) ?? '';
    if (!this.multiple) {
      const shot = example(context, targetDelimiter, target);
      return { query: context, contexts: [context], continuations: [target], choices: [], gold: null, target, shot };
    }
    if (this.contexts) {
      const choices = list(this.contexts);
      const gold = this.goldOf(document, values, choices.length);
      const shot = example(choices[gold], targetDelimiter, target);
      const continuations = choices.map(() => targetDelimiter + target);
      return { query: '', contexts: choices, continuations, choices, gold, target, shot };
    }
    const choices = list(this.choices as TextsTemplate);
    const gold = this.goldOf(document, values, choices.length);
    return {
      query: context,
      contexts: choices.map(() => context),
      continuations: choices.map((choice) => targetDelimiter + choice),
      choices,
      gold,
      target: this.shape.logs === 'choice' ? choices[gold] : String(gold),
      shot: example(context, targetDelimiter, choices[gold]),
    };
  }

  private goldOf(document: Document, values: ReadonlyMap<string, string>, count: number): number {
    const { column, among } = this.shape.gold as NonNullable<Shape['gold']>;
    const value = values.get(column) as string;
    const refuse = (expected: string, got: string) =>
      new DataError({ expected, got, where: `${document.where}, column ${quoted(column)}` });
    const of = typeof among === 'string' ? (document.values.get(among) as readonly string[]) : among;
    if (of && !of.includes(value)) throw refuse(`one of ${of.map(quoted).join(', ')}`, quoted(value));
    const gold = of ? of.indexOf(value) : Number(value);
    if (!(gold >= 0 && gold < count))
      throw refuse(`the right one of ${count} choices, from 0 to ${count - 1}`, of ? `choice ${gold}` : value);
    return gold;
  }
}

interface TextsTemplate {
  each: string | null;
  templates: Template[];
}

const example = (context: string, delimiter: string, answer: string) =>
  answer === '' ? context : context + delimiter + answer + fewShotDelimiter;
