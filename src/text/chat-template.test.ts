import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError } from '../errors.js';
import { type ChatMessage, ChatTemplate, loadChatTemplate } from './chat-template.js';

interface Case {
  name: string;
  template: string;
  /** Text null: refused. */
  rows: [messages: ChatMessage[], addGenerationPrompt: boolean, text: string | null][];
}

const golden = new URL('./golden/chats.jsonl', import.meta.url);
const cases: Case[] = (await readFile(golden, 'utf8'))
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

const specialTokens = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' };
/** What the script of the golden values sets its clock to, in local time. */
const now = new Date(2026, 2, 7, 9, 5, 2);
const hi = [{ role: 'user', content: 'Hi' }];

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'neuroal-chats-'));
});
afterAll(() => rm(root, { recursive: true }));

describe('a chat template', () => {
  it.each(cases)('renders as transformers does: $name', ({ template, rows }) => {
    const chat = new ChatTemplate(template, specialTokens);
    expect(rows.length).toBe(18);
    for (const [messages, addGenerationPrompt, text] of rows) {
      const render = () => chat.render(messages, { addGenerationPrompt, now });
      if (text === null) expect(render).toThrow('expected messages that the chat template accepts, got ');
      else expect(render()).toBe(text);
    }
  });

  it('refuses messages in its own words', () => {
    const chat = new ChatTemplate("{{ raise_exception('no ' + messages[0].role) }}", {}, 'here');
    expect(() => chat.render(hi)).toThrow('expected messages that the chat template accepts, got no user, in here');
  });

  it('writes no special token that the folder does not name', () => {
    expect(new ChatTemplate('[{{ bos_token }}]').render(hi)).toBe('[]');
  });

  it('goes through long conversations', () => {
    const { template } = cases.find(({ name }) => name === 'inst with a system block')!;
    const long = Array.from({ length: 1001 }, (_, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content: 'x' }));
    expect(new ChatTemplate(template, specialTokens).render(long)).toMatch(/^<s>\[INST\] x .* x \[\/INST\]$/);
  });

  it('ends in the same prompt whatever a message says', () => {
    const chat = new ChatTemplate('{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (content) => {
        expect(chat.render([{ role: 'user', content }])).toBe(`user: ${content}\n`);
      }),
    );
  });
});

describe('a hostile chat template', () => {
  const numbers = 'range(65536)';
  const big = "{% set ns = namespace(x='a') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}";
  const dict = `{% set d = {${Array.from({ length: 20_000 }, (_, i) => `'${i}':1`).join()}} %}`;
  const nested = (inner: string) => `{% set ns = namespace(x=[1]) %}{% for i in range(40) %}${inner}{% endfor %}`;
  it.each([
    ['that loops without end', `{% for a in ${numbers} %}{% for b in ${numbers} %}{% endfor %}{% endfor %}`, 'steps'],
    [
      'that loops over a list without touching it',
      `{% set r = ${numbers} %}{% for a in r %}{% for b in r %}{% for c in r %}{% endfor %}{% endfor %}{% endfor %}`,
      'steps',
    ],
    [
      'that loops over keys',
      `${dict}{% for a in d %}{% for b in d %}{% for c in d %}{% endfor %}{% endfor %}{% endfor %}`,
      'steps',
    ],
    ['that doubles a text', `${big}{{ ns.x }}`, 'a text of more than 2097152 characters'],
    ['that doubles a list', `${nested('{% set ns.x = [ns.x, ns.x] %}')}{{ ns.x | tojson }}`, 'parts'],
    [
      'that lists a long text often',
      `${big.replace('range(60)', 'range(20)')}${nested('{% set ns.y = (ns.y or [ns.x]) + (ns.y or [ns.x]) %}').replace('namespace(x=[1])', 'namespace(x=ns.x, y=none)')}{{ ns.y | tojson }}`,
      'parts',
    ],
    ['that doubles a mapping', `${nested("{% set ns.x = {'a': ns.x, 'b': ns.x} %}")}{{ ns.x | tojson }}`, 'parts'],
    ['that puts a namespace into itself', '{% set n = namespace() %}{% set n.x = n %}{{ n | tojson }}', 'parts'],
    ['that asks for a long range', '{{ range(1000000000) }}', 'a range of more than 65536 numbers'],
    ['that asks for a range without steps', '{{ range(0, 9, 0) }}', 'a range of more than 65536 numbers'],
    ['that asks for a range of nothing known', "{{ range('x') }}", 'a range of more than 65536 numbers'],
    ['that calls itself', '{% macro m(f) %}{{ f(f) }}{% endmacro %}{{ m(m) }}', 'call stack'],
    ['that takes too small a slice', '{{ (range(9) | list)[0:9:0.00000000000000000001] }}', 'Slice'],
    ['that indents far', "{{ 'a\\nb' | indent(100000000) }}", 'a text of more than 2097152 characters'],
    ['that indents too far', "{{ 'a\\nb' | indent(1000000000) }}", 'Invalid'],
    ['that calls what is not there', '{{ open("/etc/passwd") }}', 'Cannot call'],
  ])('%s is stopped', (_, template, message) => {
    const chat = new ChatTemplate(template);
    let thrown: unknown;
    try {
      chat.render(hi);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(DataError);
    expect((thrown as Error).message).toContain('expected a chat template that runs, got ');
    expect((thrown as Error).message).toContain(message);
  });

  it.each([
    ['{% for %}', 'expected a chat template in Jinja, got '],
    ['{% if x %}', 'expected a chat template in Jinja, got '],
    [`${'('.repeat(3)}{{ ${'('.repeat(100_000)}`, 'expected a chat template in Jinja, got '],
    ['x'.repeat(2 ** 18 + 1), 'expected a chat template of at most 262144 characters, got 262145'],
    [`a${' '.repeat(2000)}b`, 'expected a chat template with less than 2000 blanks in a row, got more'],
  ])('that is no program is refused (%#)', (template, message) => {
    expect(() => new ChatTemplate(template)).toThrow(DataError);
    expect(() => new ChatTemplate(template)).toThrow(message);
  });

  it('reaches nothing of the language below', () => {
    for (const path of ['messages.constructor', 'messages.__proto__', "messages['constructor']", 'range.constructor']) {
      const chat = new ChatTemplate(`{{ ${path} is defined and ${path} }}`);
      let text = '';
      try {
        text = chat.render(hi);
      } catch (error) {
        expect(error).toBeInstanceOf(DataError);
      }
      expect(text).not.toContain('function');
    }
  });

  it('of any characters is refused with a DataError or renders', () => {
    const parts = fc.constantFrom(
      '{{',
      '}}',
      '{%',
      '%}',
      '{#',
      ' for ',
      ' in ',
      'messages',
      'if',
      'endif',
      'endfor',
      '[',
      ']',
      '::',
      '0',
      '-1',
      '|',
      'tojson',
      'set',
      '=',
      '~',
      "'",
      '(',
      ')',
      'x',
      ' ',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 30 }), (pieces) => {
        try {
          expect(typeof new ChatTemplate(pieces.join('')).render(hi)).toBe('string');
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('loadChatTemplate', () => {
  /** What the template of a folder of these files writes. */
  async function written(files: Record<string, string>, name?: string): Promise<string | undefined> {
    const folder = await mkdtemp(join(root, 'folder-'));
    await mkdir(join(folder, 'additional_chat_templates'));
    for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
    const chat = await loadChatTemplate(folder, { specialTokens, ...(name === undefined ? {} : { name }) });
    return chat?.render(hi);
  }
  const config = (chat_template: unknown) => ({ 'tokenizer_config.json': JSON.stringify({ chat_template }) });
  const several = [
    { name: 'default', template: 'one' },
    { name: 'tool_use', template: 'two' },
  ];

  it('takes a text or a list of tokenizer_config.json', async () => {
    expect(await written(config('{{ bos_token }}{{ messages[0].content }}'))).toBe('<s>Hi');
    expect(await written(config(several))).toBe('one');
    expect(await written(config(several), 'tool_use')).toBe('two');
  });

  it('takes files before tokenizer_config.json', async () => {
    const file = { 'chat_template.jinja': 'file' };
    const more = { 'additional_chat_templates/rag.jinja': 'rag', 'additional_chat_templates/notes.txt': 'not one' };
    expect(await written({ ...config('config'), ...file })).toBe('file');
    expect(await written({ ...config(several), ...file, ...more }, 'rag')).toBe('rag');
    await expect(written({ ...config(several), ...file, ...more }, 'tool_use')).rejects.toThrow(
      'expected a chat template "tool_use", got "default", "rag", in ',
    );
    await expect(written(more)).rejects.toThrow('expected a chat template "default", got "rag", in ');
  });

  it('says undefined where there is none', async () => {
    expect(await written({})).toBeUndefined();
    expect(await written(config(null))).toBeUndefined();
    expect(await written(config([{ name: 1, template: 'x' }, 'y']))).toBeUndefined();
    expect(await loadChatTemplate(join(root, 'nowhere'))).toBeUndefined();
  });

  it('refuses files that cannot be read, and names them', async () => {
    await expect(written({ 'chat_template.jinja': '{% for %}' })).rejects.toThrow(/in Jinja, .*chat_template\.jinja$/);
    await expect(written({ 'chat_template.jinja': 'x'.repeat(2 ** 20 + 1) })).rejects.toThrow('at most 1048576 bytes');
    await expect(written({ 'tokenizer_config.json': '[' })).rejects.toThrow('expected a file of valid JSON');
    const folder = await mkdtemp(join(root, 'folder-'));
    await mkdir(join(folder, 'chat_template.jinja'));
    await expect(loadChatTemplate(folder)).rejects.toThrow('expected a file, got something that is not a file');
    await rm(join(folder, 'chat_template.jinja'), { recursive: true });
    await writeFile(join(folder, 'chat_template.jinja'), Uint8Array.of(0xff));
    await expect(loadChatTemplate(folder)).rejects.toThrow('expected text in UTF-8');
  });
});
