// What neuroal/runtime and neuroal/runtime/inline name alike.

export type { BackendInfo, KeyDType } from '../backend/backend.js';
export type { KernelCode, KernelSource, KernelSources } from '../backend/wasm/kernel-source.js';
export type { CreateWorker, ThreadWorker } from '../backend/wasm/thread-worker.js';
export type { Content, FileContent } from '../checkpoint/content.js';
export type { ModelFiles } from '../checkpoint/given-files.js';
export {
  BackendError,
  CheckpointError,
  ConfigError,
  DataError,
  type ErrorCode,
  NeuroalError,
  UsageError,
} from '../errors.js';
export { type ChatOptions, chat, latestMessages } from '../generate/chat.js';
export { type GenerateOptions, type Generation, generate } from '../generate/generate.js';
export type { FormChoice, LayerForm, Preference, WeightValues } from '../models/forms.js';
export type { ModelConfig } from '../models/graph.js';
export type { KvCache } from '../models/kv-cache.js';
export type { Model } from '../models/model.js';
export type { LongRunning, Progress } from '../progress.js';
export type { ChatMessage } from '../text/chat-template.js';
export type { Tokenizer } from '../text/tokenizer.js';
export type { ModelSource, RuntimeOptions } from './load-model.js';
