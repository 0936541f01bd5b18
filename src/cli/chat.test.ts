// `neuroal chat` from outside: the built bin, with the embedded model and a template of the test.

import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddedFolder } from '../checkpoint/embedded.js';

const bin = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const source = `{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}
{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}`;
const greedy = ['--temperature', '0', '--threads', '1', '--max-tokens', '8'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroal-chat-'));
  await cp(embeddedFolder, join(folder, 'model'), { recursive: true });
  await writeFile(join(folder, 'model', 'chat_template.jinja'), source);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function run(input: string | null, ...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [bin, 'chat', ...args], { cwd: folder });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  if (input !== null) child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, out, err }));
  });
}

describe('neuroal chat', () => {
  it('answers each line of a pipe, knowing what was said', async () => {
    const lines = 'Hello.\n\nAnd you?\n/exit\nnever asked\n';
    const json = await run(lines, 'model', '--system', 'Be kind.', ...greedy, '--json');
    expect({ code: json.code, err: json.err }).toEqual({ code: 0, err: '' });
    const { messages, turns } = JSON.parse(json.out);
    expect(messages.map(({ role }: { role: string }) => role)).toEqual([
      'system',
      'user',
      'assistant',
      'user',
      'assistant',
    ]);
    expect([messages[0].content, messages[1].content, messages[3].content]).toEqual(['Be kind.', 'Hello.', 'And you?']);
    expect([messages[2].content, messages[4].content]).toEqual(turns.map(({ text }: { text: string }) => text));
    for (const turn of turns) {
      expect(turn).toMatchObject({ finishReason: 'length' });
      expect(turn.tokens).toHaveLength(8);
      expect(Object.keys(turn.seconds).sort()).toEqual(['decode', 'load', 'prefill']);
    }
    expect(turns[1].promptTokens.slice(0, turns[0].promptTokens.length)).toEqual(turns[0].promptTokens);

    const shown = await run(lines, 'model', '--system', 'Be kind.', ...greedy);
    expect(shown).toEqual({ code: 0, err: '', out: turns.map(({ text }: { text: string }) => `${text}\n`).join('') });
  });

  it('answers one prompt and ends, whatever stdin is', async () => {
    const one = await run(null, 'model', '--prompt', 'Hello.', ...greedy);
    expect(one).toMatchObject({ code: 0, err: '' });
    expect(one.out).toMatch(/^.+\n$/s);
    const json = await run('', 'model', '--prompt', 'Hello.', ...greedy, '--json');
    const { messages, turns } = JSON.parse(json.out);
    expect(messages).toEqual([
      { role: 'user', content: 'Hello.' },
      { role: 'assistant', content: one.out.slice(0, -1) },
    ]);
    expect(turns).toHaveLength(1);
  });

  it('takes a template from a file, and says what to do where there is none', async () => {
    await writeFile(join(folder, 'other.jinja'), '{{ messages[0].content }}');
    const { code, out } = await run(null, '--template', 'other.jinja', '--prompt', 'Once upon', ...greedy, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out).turns[0].promptTokens.length).toBeLessThan(10);
    const none = await run(null, '--prompt', 'Hello.');
    expect(none).toMatchObject({ code: 1, out: '' });
    expect(none.err).toMatch(/^neuroal: expected a model with a chat template .+, or use generate, got none, in .+\n$/);
    const missing = await run(null, '--prompt', 'Hello.', '--template', 'missing.jinja');
    expect(missing).toEqual({
      code: 2,
      out: '',
      err: 'neuroal: expected --template to be a file, got "missing.jinja", which is not there\n',
    });
  });

  it('leaves out the oldest turns when the context is full, and says so', async () => {
    const long = 'once upon a time '.repeat(40);
    const { code, out, err } = await run(`${long}\n${long}\n${long}\nHi.\n`, 'model', ...greedy);
    expect({ code, lines: out.split('\n').length >= 5 }).toEqual({ code: 0, lines: true });
    expect(err).toMatch(/^\(the first \d+ messages no longer fit and are left out\)\n/);
  });

  it('ends with an error where a line of a pipe cannot be answered', async () => {
    const { code, out, err } = await run(`${'dog '.repeat(600)}\nHi.\n`, 'model', ...greedy);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^neuroal: expected a prompt of fewer than 512 tokens \(the model's context\), got \d+\n$/);
  });

  it('is stopped by Ctrl-C', async () => {
    const child = spawn(process.execPath, [bin, 'chat', 'model', '--max-tokens', '450', '--threads', '1'], {
      cwd: folder,
    });
    child.stdin.write('Hello.\n');
    child.stdout.once('data', () => child.kill('SIGINT'));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(130);
  });
});
