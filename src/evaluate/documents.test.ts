// Task files from anywhere: which shapes are found, and what is said of a file that is none, or of a row that does not fit.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { DataError } from '../errors.js';
import { readDocuments } from './documents.js';
import { Prompts } from './prompts.js';
import { taskNamed } from './tasks/registry.js';

let home: string;
beforeAll(async () => {
  home = await folderWith();
});
afterAll(() => removeFolder(home));

async function file(content: string | Uint8Array): Promise<string> {
  const path = join(home, 'task.jsonl');
  await writeFile(path, content);
  return path;
}

/** The prompts of a file, as evaluation reads it. */
async function prompts(task: string, content: string | Uint8Array, limit?: number) {
  const known = taskNamed(task);
  const { documents, shape } = await readDocuments(await file(content), known, limit);
  const make = new Prompts(known, shape);
  return documents.map((document) => make.of(document));
}

const arc = (answerKey: unknown, text: unknown = ['a', 'b'], label: unknown = ['A', 'B']) =>
  `${JSON.stringify({ question: 'Q?', choices: { text, label }, answerKey })}\n`;

describe('shapes', () => {
  it.each([
    ['arc_easy', { query: 'Question: Q?', choices: ['a', 'b'], gold: 1 }, arc('B')],
    [
      'boolq',
      { query: 'Passage: P.\nQuestion: q?', choices: ['no', 'yes'], gold: 0 },
      { passage: 'P.', question: 'q', label: 0 },
    ],
    ['piqa', { query: 'Question: g\n', choices: ['a', 'b'], gold: 1 }, { goal: 'g', sol1: 'a', sol2: 'b', label: 1 }],
    [
      'openbookqa',
      { query: 's', choices: ['a'], gold: 0 },
      { question_stem: 's', choices: { text: ['a'], label: ['A'] }, answerKey: ' A' },
    ],
    [
      'copa',
      { query: 'It fell because', choices: ['a.', 'b.'], gold: 0 },
      { premise: 'It fell.', choice1: 'A.', choice2: 'B.', question: 'cause', label: 0 },
    ],
    [
      'winogrande',
      { context_options: ['x A', 'x B'], continuation: 'ran.', gold: 1 },
      { sentence: 'x _ ran.', option1: 'A', option2: 'B', answer: '2' },
    ],
    ['rte', { premise: 'p', hypothesis: 'h', label: 'not_entailment' }, { sentence1: 'p', sentence2: 'h', label: 1 }],
    [
      'hellaswag',
      { query: 'Go: A B c', choices: ['d', 'e'], gold: '1' },
      { activity_label: 'Go', ctx_a: 'A', ctx_b: 'b c', endings: ['d', 'e'], label: '1' },
    ],
  ])('of %s ask the same', async (task, ready, own) => {
    const text = (row: unknown) => (typeof row === 'string' ? row : `${JSON.stringify(row)}\n`);
    const asked = (await prompts(task, text(ready))).map(({ target, ...rest }) => rest);
    const expected = (await prompts(task, text(own))).map(({ target, ...rest }) => rest);
    expect(asked).toEqual(expected);
  });

  it('of the last word are two', async () => {
    const [own] = await prompts('lambada_openai', '{"text":"A b c"}\n');
    const [ready] = await prompts('lambada_openai', '{"context":"A b","continuation":"c"}\n');
    expect(own).toEqual(ready);
    expect([own.contexts, own.continuations]).toEqual([['A b'], [' c']]);
  });

  it('reads what the limit asks for, and counts the rest', async () => {
    const path = await file(`${arc('A')}\n  \n${arc('B')}not JSON\n`);
    const { documents, total } = await readDocuments(path, taskNamed('arc_easy'), 2);
    expect([documents.length, total, documents[1].where]).toEqual([2, 3, `${path}, line 4`]);
  });
});

describe('refuses', () => {
  it.each<[string, string, string, string | Uint8Array, string]>([
    [
      'a missing column',
      'arc_easy',
      'line 2',
      `${arc('A')}{"question":"Q?","answerKey":"A","choices":{"text":["a"]}}\n`,
      'expected a list of one or more texts, got nothing, in FILE, line 2, column "choices.label"',
    ],
    [
      'other columns',
      'rte',
      'line 1',
      '{"a":1,"b":2}\n',
      'expected the columns of rte (sentence1, sentence2, label; or premise, hypothesis, label), got "a", "b", in FILE, line 1',
    ],
    [
      'a column too few in the first row',
      'boolq',
      'line 1',
      '{"passage":"p","label":1}\n',
      'expected the columns of boolq (passage, question, label; or query, choices, gold), got no question, in FILE, line 1',
    ],
    [
      'a number for a text',
      'rte',
      'line 1',
      '{"sentence1":7,"sentence2":"b","label":0}\n',
      'expected a text, got 7, in FILE, line 1, column "sentence1"',
    ],
    [
      'a text for a number',
      'rte',
      'line 1',
      '{"sentence1":"a","sentence2":"b","label":"yes"}\n',
      'expected a whole number, got "yes", in FILE, line 1, column "label"',
    ],
    [
      'half a number',
      'rte',
      'line 1',
      '{"sentence1":"a","sentence2":"b","label":0.5}\n',
      'expected a whole number, got 0.5, in FILE, line 1, column "label"',
    ],
    [
      'no choices',
      'arc_easy',
      'line 1',
      arc('A', []),
      'expected a list of one or more texts, got [], in FILE, line 1, column "choices.text"',
    ],
    [
      'a choice that is no text',
      'arc_easy',
      'line 1',
      arc('A', ['a', null]),
      'expected a list of one or more texts, got ["a",null], in FILE, line 1, column "choices.text"',
    ],
    [
      'an answer that is no choice',
      'arc_easy',
      'line 1',
      arc('C'),
      'expected one of "A", "B", got "C", in FILE, line 1, column "answerKey"',
    ],
    [
      'a label without a text',
      'arc_easy',
      'line 1',
      arc('B', ['a']),
      'expected the right one of 1 choices, from 0 to 0, got choice 1, in FILE, line 1, column "answerKey"',
    ],
    [
      'a label out of range',
      'rte',
      'line 1',
      '{"sentence1":"a","sentence2":"b","label":-1}\n',
      'expected the right one of 2 choices, from 0 to 1, got -1, in FILE, line 1, column "label"',
    ],
    [
      'a sentence without a blank',
      'winogrande',
      'line 1',
      '{"sentence":"a","option1":"b","option2":"c","answer":"1"}\n',
      'expected a text with "_", got "a", in FILE, line 1, column "sentence"',
    ],
    [
      'a question that is neither',
      'copa',
      'line 1',
      '{"premise":"a","choice1":"b","choice2":"c","question":"why","label":1}\n',
      'expected "cause" or "effect", got "why", in FILE, line 1, column "question"',
    ],
    [
      'a key twice',
      'rte',
      'line 1',
      '{"sentence1":"a","sentence1":"c","sentence2":"b","label":0}\n',
      'expected each column once, got "sentence1" twice, in FILE, line 1',
    ],
    ['a list', 'rte', 'line 1', '[1]\n', 'expected a JSON object {…}, got [1], in FILE, line 1'],
    [
      'a byte order mark',
      'rte',
      'line 1',
      '\ufeff{"a":1}\n',
      'expected a JSON object {…}; save the file as UTF-8 without a byte order mark, got a byte order mark, in FILE, line 1',
    ],
    ['blank lines alone', 'rte', '', '\n \n', 'expected documents of rte, one a line, got none, in FILE'],
    [
      'deep nesting',
      'rte',
      'line 1',
      `{"a":${'['.repeat(99)}${']'.repeat(99)}}\n`,
      'expected objects and lists at most 32 deep, got deeper ones, in FILE, line 1',
    ],
    [
      'a line without end',
      'rte',
      'line 1',
      `{"a":"${'x'.repeat(2 ** 24)}"}\n`,
      'expected a line of at most 16777216 characters, got 16777224, in FILE, line 1',
    ],
    [
      'bytes that are no text',
      'rte',
      'line 1',
      new Uint8Array([123, 255, 10]),
      'expected text in UTF-8, got bytes that are not, in FILE, line 1',
    ],
    ['an empty file', 'rte', '', '', 'expected a file with text, got an empty file, in FILE'],
  ])('%s', async (_, task, __, content, message) => {
    const error = await prompts(task, content).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toBe(message.replace('FILE', join(home, 'task.jsonl')));
  });

  it('what is no JSON, with its line', async () => {
    await expect(prompts('rte', '{"sentence1":"a","sentence2":"b","label":0}\n{oops}\n')).rejects.toThrow(
      /^expected a JSON object {…}, got .*JSON.*, in .*task\.jsonl, line 2$/,
    );
  });

  it('columns that only the prototype of objects has', async () => {
    await expect(prompts('rte', '{"__proto__":{"sentence1":"a","sentence2":"b","label":0}}\n')).rejects.toThrow(
      'got "__proto__"',
    );
  });
});
