// Chat templates: the Jinja program in a model folder that writes a conversation the way the model was taught. They come
// with models from anywhere, so one may neither run for ever nor write without end: steps and lengths are counted. (One
// thing the library does not do as Python does: `length` of a text counts what lies above U+FFFF twice.)

import * as jinja from '@huggingface/jinja';
import { folderAt } from '../checkpoint/disk-folder.js';
import type { Folder } from '../checkpoint/folder.js';
import { readJsonIn } from '../checkpoint/json-file.js';
import { DataError } from '../errors.js';
import { quoted } from '../quoted.js';
import { readFolderText } from './folder-file.js';
import { isJson, listOf } from './json.js';
import { strftime } from './strftime.js';

/** What is used of the library, whose declarations import each other in a way that TypeScript does not follow in ESM. */
interface Jinja {
  tokenize(source: string, options: { lstrip_blocks: boolean; trim_blocks: boolean }): unknown;
  parse(tokens: unknown): unknown;
  Environment: new () => { set(name: string, value: unknown): void };
  Interpreter: new (
    environment: object,
  ) => { run(program: unknown): { value: string }; evaluate(node: Node | undefined, ...rest: unknown[]): Value };
}
const { Environment, Interpreter, parse, tokenize } = jinja as unknown as Jinja;

/** One turn of a conversation. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, or what else the template knows. */
  role: string;
  content: string;
}

/** Real templates have up to some 30 thousand characters. */
const longestTemplate = 2 ** 18;
/** The library's parser takes the square of a run of white space. */
const longestBlank = 2000;
const longestText = 2 ** 21;
/** Each takes some microseconds at most. */
const mostSteps = 2 ** 20;
/** Of a value with all that is in it, counted as often as it would be written. */
const mostParts = 2 ** 20;
const longestRange = 2 ** 16;

/** A template's own word that it cannot take these messages (`raise_exception`). */
class Refusal extends Error {}

/** A program that turns messages into a prompt. */
export class ChatTemplate {
  private readonly program: unknown;

  /**
   * @param source Jinja
   * @param specialTokens their texts by role (`bos_token`, `eos_token`, …), which the template may write
   * @param where the file, for messages
   * @throws DataError for a template that is too long or no Jinja
   */
  constructor(
    source: string,
    private readonly specialTokens: Readonly<Record<string, string>> = {},
    private readonly where = 'the chat template',
  ) {
    const refuse = (expected: string, got: string, cause?: unknown): never => {
      throw new DataError({ expected, got, where, cause });
    };
    if (source.length > longestTemplate)
      refuse(`a chat template of at most ${longestTemplate} characters`, String(source.length));
    if (new RegExp(`\\s{${longestBlank}}`).test(source))
      refuse(`a chat template with less than ${longestBlank} blanks in a row`, 'more');
    try {
      // What transformers sets: a block takes the line end after it and the blanks before it.
      this.program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
    } catch (error) {
      refuse('a chat template in Jinja', (error as Error).message, error);
    }
  }

  /**
   * The prompt of a conversation, special tokens written out: encode it without adding any.
   * @param addGenerationPrompt whether it ends where the answer begins
   * @param now what `strftime_now` shows
   * @throws DataError where the template refuses the messages, fails, or does not end
   */
  render(
    messages: readonly ChatMessage[],
    { addGenerationPrompt = true, now = new Date() }: { addGenerationPrompt?: boolean; now?: Date } = {},
  ): string {
    const environment = new Environment();
    const names = {
      false: false,
      true: true,
      none: null,
      False: false,
      True: true,
      None: null,
      range,
      raise_exception: (message: unknown) => {
        throw new Refusal(String(message));
      },
      strftime_now: (format: unknown) => strftime(now, String(format)),
      ...this.specialTokens,
      messages: messages.map(({ role, content }) => ({ role, content })),
      tools: null,
      documents: null,
      add_generation_prompt: addGenerationPrompt,
    };
    try {
      for (const [name, value] of Object.entries(names)) environment.set(name, value);
      return new BoundedInterpreter(environment).run(this.program).value;
    } catch (error) {
      const { where } = this;
      const refused = error instanceof Refusal;
      const expected = refused ? 'messages that the chat template accepts' : 'a chat template that runs';
      throw new DataError({ expected, got: (error as Error).message, where, cause: error });
    }
  }
}

/** A node of a program, as far as it is looked at. */
interface Node {
  type: string;
  /** What a loop runs over; with a condition, a node that has it as `lhs`. */
  iterable?: Node;
  lhs?: Node;
}

/** What the library keeps a value in: lists and mappings hold further ones. */
interface Value {
  value?: unknown;
}

/** Counts the steps of a template, long lists and texts as more than one, and measures every value that it makes. */
class BoundedInterpreter extends Interpreter {
  private steps = 0;
  private readonly loopedOver = new WeakSet<object>();

  override evaluate(node: Node | undefined, ...rest: unknown[]): Value {
    if (node?.type === 'For' && node.iterable) this.loopedOver.add(node.iterable.lhs ?? node.iterable);
    const result = super.evaluate(node, ...rest);
    const { value } = result;
    const items = itemsOf(value).length;
    // A loop takes a step for each item, even where it does nothing with it.
    this.steps += 1 + (node && this.loopedOver.has(node) ? items : items >> 3);
    if (items > 0) this.steps += partsOf(result) >> 5;
    if (typeof value === 'string') {
      if (value.length > longestText) throw new Error(`a text of more than ${longestText} characters`);
      this.steps += value.length >> 6;
    }
    if (this.steps > mostSteps) throw new Error(`more than ${mostSteps} steps`);
    return result;
  }
}

const itemsOf = (value: unknown): Value[] =>
  Array.isArray(value) ? value : value instanceof Map ? [...value.values()] : [];

/**
 * How many values are in `root`, eight characters of a text as one: a list of lists of one list is short to say and
 * without end to write.
 */
function partsOf(root: Value): number {
  const waiting = [root];
  let parts = 0;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value } = next;
    parts += 1 + (typeof value === 'string' ? value.length >> 3 : 0);
    if (parts + waiting.length > mostParts) throw new Error(`a value of more than ${mostParts} parts`);
    for (const item of itemsOf(value)) waiting.push(item);
  }
  return parts;
}

function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= longestRange)) throw new Error(`a range of more than ${longestRange} numbers`);
  return Array.from({ length }, (_, i) => from + i * step);
}

/**
 * The chat template of a model folder; undefined where it has none. As in transformers, files (chat_template.jinja and
 * additional_chat_templates/NAME.jinja) come before tokenizer_config.json.
 * @param name of several, which; `default`
 * @throws DataError where there are templates but none of that name, or a file cannot be used
 */
export async function loadChatTemplate(
  at: string | Folder,
  { name = 'default', specialTokens }: { name?: string; specialTokens?: Readonly<Record<string, string>> } = {},
): Promise<ChatTemplate | undefined> {
  const folder = folderAt(at);
  const path = folder.pathOf('tokenizer_config.json');
  const files = await templateFiles(folder);
  if (files.size === 0) {
    const config = (await readJsonIn(folder, 'tokenizer_config.json', DataError))?.value;
    for (const [key, source] of configTemplates(config?.chat_template)) files.set(key, { source, where: path });
  }
  if (files.size === 0) return undefined;
  const found = files.get(name);
  if (!found) {
    const names = [...files.keys()].sort().map((key) => quoted(key));
    throw new DataError({ expected: `a chat template ${quoted(name)}`, got: names.join(', '), where: folder.name });
  }
  return new ChatTemplate(found.source, specialTokens, found.where);
}

async function templateFiles(folder: Folder): Promise<Map<string, { source: string; where: string }>> {
  const found = new Map<string, { source: string; where: string }>();
  const read = async (name: string, ...path: string[]) => {
    const source = await readFolderText(folder, path, 4 * longestTemplate);
    if (source !== undefined) found.set(name, { source, where: folder.pathOf(...path) });
  };
  await read('default', 'chat_template.jinja');
  const more = 'additional_chat_templates';
  for (const file of await folder.list(more)) if (file.endsWith('.jinja')) await read(file.slice(0, -6), more, file);
  return found;
}

/** Name → template of `chat_template`: a text, or a list of {name, template}. */
function configTemplates(value: unknown): [string, string][] {
  if (typeof value === 'string') return [['default', value]];
  return listOf(value).flatMap((entry): [string, string][] =>
    isJson(entry) && typeof entry.name === 'string' && typeof entry.template === 'string'
      ? [[entry.name, entry.template]]
      : [],
  );
}
