// Conversations: a chat template turns the messages into a prompt, the model writes the next answer. The prompt has its
// special tokens written out, so none are added when it is encoded. Each answer computes the whole conversation anew.

import { DataError, UsageError } from '../errors.js';
import type { Model } from '../models/model.js';
import { safePoint, unlessAborted } from '../progress.js';
import type { ChatMessage, ChatTemplate } from '../text/chat-template.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { continueTokens, type GenerateOptions, type Generation } from './generate.js';

export interface ChatOptions extends GenerateOptions {
  /** A chat template (Jinja) in the place of the model's own. */
  template?: string | undefined;
}

/** What of a model a conversation needs. */
type ChatModel = Pick<Model, 'config' | 'createCache' | 'next' | 'tokenizer' | 'generationConfig' | 'folder' | 'place'>;

/**
 * The next answer of a conversation. It ends where generation_config.json or the tokenizer's own `eos_token` says.
 * @param messages system, user, assistant, … in order; what the template accepts
 * @throws UsageError for options that make no sense or a conversation that fills the model's context; DataError where
 *   the model has no chat template, or it does not accept the messages
 */
export async function chat(
  model: ChatModel,
  messages: readonly ChatMessage[],
  options: ChatOptions = {},
): Promise<Generation> {
  options.signal?.throwIfAborted();
  const tokenizer = await unlessAborted(model.tokenizer(), options.signal);
  const template = await unlessAborted(chatTemplate(model, tokenizer, options.template), options.signal);
  const own = tokenizer.idOf(tokenizer.specialTokens.eos_token ?? '');
  const ends = [...model.generationConfig.eos_token_id, ...(own === undefined ? [] : [own])];
  return continueTokens(model, tokenizer, promptTokens(tokenizer, template, messages), ends, options);
}

/**
 * The messages without the oldest turns, as many of these as it takes for prompt and answer to fit into the model's
 * context. System messages at the beginning and the last turn always stay. The answer gets `maxTokens`, or a quarter of
 * the context if that is less.
 */
export async function latestMessages(
  model: ChatModel,
  messages: readonly ChatMessage[],
  { maxTokens = 128, template: given, signal }: Pick<ChatOptions, 'maxTokens' | 'template' | 'signal'> = {},
): Promise<ChatMessage[]> {
  const tokenizer = await unlessAborted(model.tokenizer(), signal);
  const template = await unlessAborted(chatTemplate(model, tokenizer, given), signal);
  const context = model.config.longest_sequence;
  const most = context - Math.max(1, Math.min(maxTokens, Math.floor(context / 4)));
  const talk = messages.findIndex(({ role }) => role !== 'system');
  const system = talk < 0 ? [] : messages.slice(0, talk);
  const rest = talk < 0 ? [...messages] : messages.slice(talk);
  // A turn begins with a message of a user. From the last turn backwards: the work then depends on the context, not on
  // how long the talk has been.
  const turns = rest.flatMap(({ role }, i) => (i === 0 || role === 'user' ? [i] : []));
  let kept = [...system, ...rest.slice(turns.at(-1) ?? 0)];
  for (const begin of turns.slice(0, -1).reverse()) {
    await safePoint(signal);
    const more = [...system, ...rest.slice(begin)];
    if (promptTokens(tokenizer, template, more).length > most) break;
    kept = more;
  }
  return kept;
}

/**
 * The template to use for a model: `given`, or the one in its folder.
 * @throws DataError where there is none
 */
export async function chatTemplate(
  model: Pick<Model, 'folder' | 'place'>,
  tokenizer: Pick<Tokenizer, 'specialTokens'>,
  given?: string,
): Promise<ChatTemplate> {
  const { specialTokens } = tokenizer;
  // When it is asked for: not every program that can chat does.
  const { ChatTemplate, loadChatTemplate } = await import('../text/chat-template.js');
  if (given !== undefined) return new ChatTemplate(given, specialTokens);
  const own = await loadChatTemplate(model.place, { specialTokens });
  if (own) return own;
  throw new DataError({
    expected:
      'a model with a chat template (chat_template.jinja, or chat_template in tokenizer_config.json): give one (--template FILE), or use generate',
    got: 'none',
    where: model.folder,
  });
}

function promptTokens(tokenizer: Tokenizer, template: ChatTemplate, messages: readonly ChatMessage[]): number[] {
  if (messages.length === 0) throw new UsageError('expected at least one message, got none');
  for (const [i, { role, content }] of messages.entries())
    if (typeof role !== 'string' || typeof content !== 'string')
      throw new UsageError(`expected messages of role and content (texts), got another kind as message ${i}`);
  return tokenizer.encode(template.render(messages), { addSpecialTokens: false });
}
