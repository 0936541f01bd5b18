// The public API. Everything a program needs is named here; all else is the inside of the house.

export type { Backend, BackendInfo, KeyDType } from './backend/backend.js';
export type { EngineOptions } from './backend/open.js';
export { embeddedFolder, embeddedTexts } from './checkpoint/embedded.js';
export type { Format } from './checkpoint/sparse/layout.js';
export {
  BackendError,
  CheckpointError,
  ConfigError,
  DataError,
  type ErrorCode,
  NeuroalError,
  OutputError,
  UsageError,
} from './errors.js';
export { type Comparison, compareTasks } from './evaluate/compare.js';
export type { Row } from './evaluate/documents.js';
export {
  evaluateTasks,
  type Sample,
  type TaskEvaluation,
  type TaskOptions,
  type TaskResult,
} from './evaluate/evaluate-tasks.js';

export { type PerplexityOptions, type PerplexityResult, perplexity } from './evaluate/perplexity.js';
export type { Bos } from './evaluate/requests.js';
export type { Bootstrap, McNemar, SignFlip } from './evaluate/significance.js';
export { taskNames } from './evaluate/tasks/registry.js';
export type { ColumnKind, Gold, MetricName, RequestKind, Shape, Task, Texts } from './evaluate/tasks/task.js';
export { type WriteOptions, writeTaskResults } from './evaluate/write-results.js';
export { type ChatOptions, chat, latestMessages } from './generate/chat.js';
export { type GenerateOptions, type Generation, generate } from './generate/generate.js';
export { measureSpeed, type Speed, type SpeedOptions } from './generate/speed.js';
export { type ConvertedLayer, type ConvertRecord, convert } from './models/convert.js';
export type { ConvertOptions, Values } from './models/convert-options.js';
export type { FormChoice, FormOptions, LayerForm, Preference, WeightValues } from './models/forms.js';
export type { ModelConfig } from './models/graph.js';
export { type Inspection, type InspectOptions, inspect, type LayerInspection } from './models/inspect.js';
export type { KvCache } from './models/kv-cache.js';
export { type LoadOptions, loadModel } from './models/load-model.js';
export type { Model } from './models/model.js';
export type { Ending } from './models/packs.js';
export type { ScoredEnding } from './models/predict.js';
export type { LongRunning, Progress } from './progress.js';
export type { Allocated, Allocator, DenseModel, LayerShape, Shares } from './prune/allocate/allocator.js';
export type { PruneOptions } from './prune/options.js';
export { prune } from './prune/prune.js';
export type { RunRecord } from './prune/record.js';
export type { LayerScores, Score, ScoredLayer } from './prune/scores/score.js';
export type { OptionSet, SweepPlan } from './sweep/plan.js';
export type { CellResult, SweepResults } from './sweep/results.js';
export type { SweepOptions } from './sweep/run.js';
export { sweep } from './sweep/sweep.js';
export type { ChatMessage } from './text/chat-template.js';
export type { Tokenizer } from './text/tokenizer.js';
export { version } from './version.js';
