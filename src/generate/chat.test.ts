// Conversations with the embedded model and a template of the test: what it is given, where it ends, what is left out.

import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderWith, removeFolder } from '../../test/checkpoint-fixture.js';
import { embeddedFolder } from '../checkpoint/embedded.js';
import { DataError, UsageError } from '../errors.js';
import { loadModel } from '../models/load-model.js';
import type { Model } from '../models/model.js';
import type { ChatMessage } from '../text/chat-template.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { chat, latestMessages } from './chat.js';

const source = `{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}
{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}`;
const greedy = { temperature: 0, maxTokens: 8 };
const say = (role: string, content: string): ChatMessage => ({ role, content });
const hello = [say('user', 'Hello.')];

let home: string;
let model: Model;
let tokenizer: Tokenizer;
beforeAll(async () => {
  home = await folderWith();
  await cp(embeddedFolder, join(home, 'model'), { recursive: true });
  await writeFile(join(home, 'model', 'chat_template.jinja'), source);
  model = await loadModel(join(home, 'model'), { threads: 1, deterministic: true });
  tokenizer = await model.tokenizer();
});
afterAll(async () => {
  await model.dispose();
  await removeFolder(home);
});

describe('chat', () => {
  it('continues what the template writes, with one BOS', async () => {
    const messages = [say('system', 'Be kind.'), ...hello];
    const { promptTokens, tokens, text, finishReason } = await chat(model, messages, greedy);
    const written = 'system: Be kind.\nuser: Hello.\nassistant:';
    expect(promptTokens).toEqual(tokenizer.encode(`<s>${written}`, { addSpecialTokens: false }));
    expect(promptTokens.filter((id) => id === tokenizer.idOf('<s>'))).toHaveLength(1);
    expect(tokenizer.decode([...promptTokens, ...tokens])).toBe(tokenizer.decode(promptTokens) + text);
    expect({ length: tokens.length, finishReason }).toEqual({ length: 8, finishReason: 'length' });
  });

  it('hands out pieces that make up the text, and stops when asked', async () => {
    const pieces: string[] = [];
    const { text } = await chat(model, hello, { ...greedy, onText: (piece) => pieces.push(piece) });
    expect(pieces.join('')).toBe(text);
    const reason = new Error('enough');
    await expect(chat(model, hello, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it("ends at the tokenizer's own end of text, beside those of generation_config.json", async () => {
    const { tokens } = await chat(model, hello, greedy);
    const end = tokens[3];
    expect(model.generationConfig.eos_token_id).not.toContain(end);
    const ends = {
      encode: tokenizer.encode.bind(tokenizer),
      decode: tokenizer.decode.bind(tokenizer),
      isSpecial: tokenizer.isSpecial.bind(tokenizer),
      idOf: (token: string) => (token === '<end>' ? end : undefined),
      specialTokens: { ...tokenizer.specialTokens, eos_token: '<end>' },
    };
    const other = Object.create(model, { tokenizer: { value: async () => ends }, config: { value: model.config } });
    other.next = model.next.bind(model);
    other.createCache = model.createCache.bind(model);
    Object.defineProperties(other, {
      folder: { value: model.folder },
      generationConfig: { value: model.generationConfig },
    });
    const got = await chat(other, hello, greedy);
    expect(got.tokens).toEqual(tokens.slice(0, tokens.indexOf(end) + 1));
    expect(got.finishReason).toBe('stop');
  });

  it('takes another template', async () => {
    const bare = '{{ messages[0].content }}';
    const { promptTokens } = await chat(model, hello, { ...greedy, template: bare });
    expect(promptTokens).toEqual(tokenizer.encode('Hello.', { addSpecialTokens: false }));
    const begun = await chat(model, hello, { ...greedy, template: '{{ bos_token }}x' });
    expect(begun.promptTokens[0]).toBe(tokenizer.idOf('<s>'));
  });

  it('asks for a template where there is none', async () => {
    const plain = await loadModel(undefined, { threads: 1 });
    const error = await chat(plain, hello, greedy).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toBe(
      'expected a model with a chat template (chat_template.jinja, or chat_template in tokenizer_config.json): ' +
        `give one (--template FILE), or use generate, got none, in ${embeddedFolder}`,
    );
    await plain.dispose();
  });

  it.each<[string, unknown, string]>([
    ['no messages', [], 'expected at least one message, got none'],
    [
      'no text',
      [{ role: 'user', content: [] }],
      'expected messages of role and content (texts), got another kind as message 0',
    ],
    [
      'too much',
      [say('user', 'dog '.repeat(600))],
      "expected a prompt of fewer than 512 tokens (the model's context), got ",
    ],
  ])('refuses %s', async (_, messages, message) => {
    const error = await chat(model, messages as ChatMessage[], greedy).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(message);
  });
});

describe('latestMessages', () => {
  const long = 'once upon a time '.repeat(10);
  const system = say('system', 'Be kind.');
  const turn = [say('user', long), say('assistant', long)];

  it('keeps everything while it fits', async () => {
    const messages = [system, ...turn, say('user', 'And then?')];
    expect(await latestMessages(model, messages, { maxTokens: 8 })).toEqual(messages);
  });

  it('leaves out as few of the oldest turns as it can, never what the system says', async () => {
    const messages = [system, ...turn, ...turn, ...turn, ...turn, ...turn, say('user', 'And then?')];
    const kept = await latestMessages(model, messages, { maxTokens: 8 });
    expect(kept[0]).toEqual(system);
    expect(kept.slice(1)).toEqual(messages.slice(messages.length - kept.length + 1));
    expect(kept[1].role).toBe('user');
    const length = async (talk: ChatMessage[]) => (await chat(model, talk, { maxTokens: 0 })).promptTokens.length;
    expect(await length(kept)).toBeLessThanOrEqual(512 - 8);
    const more = [system, ...messages.slice(messages.length - kept.length - 1)];
    expect(more.length).toBe(kept.length + 2);
    const tooLong = await length(more).catch((error: unknown) => error);
    if (typeof tooLong === 'number') expect(tooLong).toBeGreaterThan(512 - 8);
    else expect((tooLong as Error).message).toMatch(/^expected a prompt of fewer than 512 tokens/);
  });

  it('keeps a quarter of the context for a long answer', async () => {
    const messages = [...turn, ...turn, say('user', 'And then?')];
    const most = async (maxTokens: number) => (await latestMessages(model, messages, { maxTokens })).length;
    expect(await most(100_000)).toBe(await most(128));
  });

  it('always keeps the last turn', async () => {
    const messages = [system, ...turn, say('user', 'dog '.repeat(600))];
    expect(await latestMessages(model, messages)).toEqual([system, messages[3]]);
    expect(await latestMessages(model, [system])).toEqual([system]);
  });
});
