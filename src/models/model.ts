// A model loaded to run: all weights on a backend, its tokenizer, and the three requests that evaluation and generation
// stand on: log-probabilities of windows, logits, and the next token's logits with a cache.

import type { Backend, BackendInfo, KeyDType } from '../backend/backend.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import type { Folder } from '../checkpoint/folder.js';
import type { GenerationConfig } from '../checkpoint/generation-config.js';
import { DataError } from '../errors.js';
import { safePoint } from '../progress.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { LayerForm } from './forms.js';
import type { Graph, ModelConfig, Pass, Weights } from './graph.js';
import { KvCache } from './kv-cache.js';
import { type Ending, makePacks, type Pack } from './packs.js';
import { type LogitsOf, predict, type ScoredEnding } from './predict.js';
import { countParameters, freeWeights } from './weights.js';
import { Workspace } from './workspace.js';

/** Tokens that go through the blocks together: enough to keep the kernels busy, few enough to bound activations. */
const BATCH_TOKENS = 2048;
/** Elements of a logits tensor; longer ones are computed piece by piece. */
const LOGITS_ELEMENTS = 1 << 24;

/** A loaded model. Requests at the same time wait for each other. */
export class Model {
  /** What was loaded: a folder, or `org/name@commit` on the Hub. */
  readonly source: string;
  /** Where its files are, as messages say it. */
  readonly folder: string;
  /** Its files; the weights are not read again. */
  readonly place: Folder;
  /** Of its weight files. */
  readonly bytes: number;
  readonly #workspace: Workspace;
  #tables: Weights | null = null;
  /** Rows of the tables, and for which sequences they hold. */
  #positions = { rows: 0, of: '' };
  #tokenizer: Promise<Tokenizer> | null = null;
  #disposed: Promise<void> | null = null;
  #last: Promise<unknown> = Promise.resolve();

  /** @internal Use `loadModel`. */
  constructor(
    { source, place, bytes }: Checkpoint,
    readonly graph: Graph,
    readonly backend: Backend,
    private readonly outer: Weights,
    private readonly blocks: readonly Weights[],
    readonly generationConfig: GenerationConfig,
    /** How its linear layers are in memory. */
    readonly forms: readonly LayerForm[],
  ) {
    this.source = source;
    this.folder = place.name;
    this.place = place;
    this.bytes = bytes;
    this.#workspace = new Workspace(backend);
  }

  get config(): ModelConfig {
    return this.graph.config;
  }

  get engine(): BackendInfo {
    return this.backend.info;
  }

  /** Numbers in all its tensors, tied ones once. */
  get parameters(): number {
    return countParameters(this.graph);
  }

  /**
   * Its tokenizer, read at the first call: token ids need none.
   * @throws DataError for a folder without a tokenizer.
   */
  tokenizer(): Promise<Tokenizer> {
    if (!this.#tokenizer) {
      const loading = import('../text/tokenizer.js').then(({ loadTokenizer }) => loadTokenizer(this.place));
      this.#tokenizer = loading;
      // Asked again, a server may answer.
      loading.catch(() => {
        this.#tokenizer = null;
      });
    }
    return this.#tokenizer;
  }

  /**
   * For each window (token ids), log p(ids[t+1] | ids[0…t]) for t = 0 … length − 2.
   * @throws DataError for an id outside the vocabulary or a window of fewer than two ids.
   */
  logProbabilities(windows: readonly ArrayLike<number>[], signal?: AbortSignal): Promise<Float32Array[]> {
    return this.#inTurn(() => this.#logProbabilities(windows, signal));
  }

  async #logProbabilities(windows: readonly ArrayLike<number>[], signal?: AbortSignal): Promise<Float32Array[]> {
    const out: Float32Array[] = [];
    while (out.length < windows.length) {
      const batch = nextBatch(windows, out.length);
      const queries = batch[0].length;
      if (queries < 2) throw new DataError({ expected: 'windows of at least two token ids', got: `one of ${queries}` });
      const { pass, x } = await this.#forward(batch, signal);
      const tokens = batch.length * queries;
      const piece = Math.max(1, Math.floor(LOGITS_ELEMENTS / this.config.vocab_size));
      const targets = this.#workspace.take('targets', 'i32', [tokens]);
      this.backend.write(targets, Int32Array.from(batch.flatMap((w) => [...Array.from(w).slice(1), 0])));
      const results = this.#workspace.take('logProbabilities', 'f32', [tokens]);
      for (let t = 0; t < tokens; t += piece) {
        const end = Math.min(tokens, t + piece);
        const logits = this.#workspace.take('logits', 'f32', [end - t, this.config.vocab_size]);
        this.graph.logits(pass, this.outer, logits, x.rows(t, end));
        this.backend.logProbabilities(results.rows(t, end), logits, targets.rows(t, end));
        await safePoint(signal);
      }
      const values = await this.backend.read(results);
      for (let i = 0; i < batch.length; i++) out.push(values.slice(i * queries, (i + 1) * queries - 1));
    }
    return out;
  }

  /**
   * For each ending, the log-probability of its last `scored` ids, and whether each of them is the most probable one
   * (the first of equals) where it stands. Endings of a group that begin alike share the work on their beginning. On
   * the CPU what comes out for one does not depend on the others; on a GPU, whose sums go by the shape of a pass, its last
   * digits do.
   * @param groups numbers of endings, each of them in one group at most; what is in none gets the sum of nothing
   * @throws DataError for an id outside the vocabulary, an ending that nothing is before, one longer than the model's context
   */
  scoreEndings(
    endings: readonly Ending[],
    groups: readonly (readonly number[])[],
    { signal, onScored }: { signal?: AbortSignal | undefined; onScored?: (done: number) => void } = {},
  ): Promise<ScoredEnding[]> {
    return this.#inTurn(async () => {
      for (const { ids, scored } of groups.flatMap((group) => group.map((e) => endings[e]))) {
        checkIds(ids, this.config.vocab_size);
        if (!(scored >= 1 && scored < ids.length))
          throw new DataError({ expected: `1 to ${ids.length - 1} scored ids of ${ids.length}`, got: `${scored}` });
        // The last one is only predicted.
        const most = this.config.longest_sequence + 1;
        if (ids.length > most)
          throw new DataError({ expected: `endings of at most ${most} ids`, got: `${ids.length}` });
      }
      const results: ScoredEnding[] = endings.map(() => ({ logProbability: 0, greedy: true }));
      let done = 0;
      for (const pack of makePacks(endings, groups, BATCH_TOKENS, (length) => this.graph.positionsOf(length))) {
        await this.#scorePack(pack, results, signal);
        done += pack.count;
        onScored?.(done);
      }
      return results;
    });
  }

  async #scorePack(pack: Pack, results: ScoredEnding[], signal?: AbortSignal): Promise<void> {
    const pass = { ...this.#pass(1, pack.ids.length, 0, pack.longest), spans: pack.spans };
    const x = this.#embed(pass, [pack.ids]);
    for (const [b, weights] of this.blocks.entries()) {
      this.graph.block(pass, b, weights, x, x);
      await safePoint(signal);
    }
    const logits: LogitsOf = (name, rows) => {
      const logits = this.#workspace.take(name, 'f32', [rows.rowCount, this.config.vocab_size]);
      this.graph.logits(pass, this.outer, logits, rows);
      return logits;
    };
    const piece = Math.max(1, Math.floor(LOGITS_ELEMENTS / this.config.vocab_size));
    await predict(pass, x, pack, { logits, piece, where: this.source }, results, signal);
  }

  /** Logits [T, vocab_size] of one window of T token ids. */
  logits(ids: ArrayLike<number>): Promise<Float32Array> {
    return this.#inTurn(async () => {
      const { pass, x } = await this.#forward([ids]);
      const logits = this.#workspace.take('logits', 'f32', [ids.length, this.config.vocab_size]);
      this.graph.logits(pass, this.outer, logits, x);
      return this.backend.read(logits);
    });
  }

  /**
   * An empty cache for up to `capacity` tokens; free it when done.
   * @param dtype of keys and values: f32, or bf16, which is half the memory and rounds them
   */
  createCache(capacity: number, dtype?: KeyDType): KvCache {
    return new KvCache(this.backend, this.config, capacity, dtype);
  }

  /** Appends token ids to the cache and returns the logits [vocab_size] that follow the last of them. */
  next(cache: KvCache, ids: ArrayLike<number>, signal?: AbortSignal): Promise<Float32Array> {
    return this.#inTurn(() => this.#next(cache, ids, signal));
  }

  async #next(cache: KvCache, ids: ArrayLike<number>, signal?: AbortSignal): Promise<Float32Array> {
    checkIds(ids, this.config.vocab_size);
    if (ids.length === 0 || cache.length + ids.length > cache.capacity)
      throw new DataError({
        expected: `1 to ${cache.capacity - cache.length} more tokens`,
        got: String(ids.length),
        where: 'the KV cache',
      });
    const length = cache.length + ids.length;
    const positions = this.graph.positionsOf(length);
    const added = Array.from(ids);
    const kept = cache.positions === positions;
    const rest = kept ? [...added] : [...cache.ids, ...added];
    if (!kept) cache.positions = null;
    for (;;) {
      const start = length - rest.length;
      const piece = rest.splice(0, BATCH_TOKENS);
      const pass = this.#pass(1, piece.length, start, length);
      const x = this.#embed(pass, [piece]);
      for (const [b, weights] of this.blocks.entries()) this.graph.block(pass, b, weights, x, x, cache.blocks[b]);
      if (rest.length === 0) {
        // One by one: a long prompt is more arguments than a call takes.
        for (const id of added) cache.ids.push(id);
        cache.positions = positions;
        const logits = this.#workspace.take('logits', 'f32', [1, this.config.vocab_size]);
        this.graph.logits({ ...pass, queries: 1 }, this.outer, logits, x.rows(piece.length - 1, piece.length));
        return this.backend.read(logits);
      }
      await safePoint(signal);
    }
  }

  /** Frees memory and threads; a second call waits for the first. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#inTurn(() => this.backend.dispose());
    return this.#disposed;
  }

  /** Requests share the activations of a pass: each waits for the one before it, whether that succeeded or not. */
  #inTurn<T>(request: () => Promise<T>): Promise<T> {
    const result = this.#last.then(request);
    this.#last = result.catch(() => {});
    return result;
  }

  /** All blocks over windows of one length; x stays valid until the next pass. */
  async #forward(windows: readonly ArrayLike<number>[], signal?: AbortSignal) {
    for (const window of windows) checkIds(window, this.config.vocab_size);
    const { length } = windows[0];
    const pass = this.#pass(windows.length, length, 0, length);
    const x = this.#embed(pass, windows);
    for (const [b, weights] of this.blocks.entries()) {
      this.graph.block(pass, b, weights, x, x);
      await safePoint(signal);
    }
    return { pass, x };
  }

  /** Windows of `pass.queries` ids each. */
  #embed(pass: Pass, windows: readonly ArrayLike<number>[]) {
    const tokens = pass.sequences * pass.queries;
    const values = new Int32Array(tokens);
    for (const [i, window] of windows.entries()) values.set(window, i * pass.queries);
    const ids = this.#workspace.take('ids', 'i32', [tokens]);
    this.backend.write(ids, values);
    const x = this.#workspace.take('x', 'f32', [tokens, this.config.hidden_size]);
    this.graph.embed(pass, this.outer, ids, x);
    return x;
  }

  /** @param length tokens of each sequence, those that this pass does not reach included */
  #pass(sequences: number, queries: number, start: number, length: number): Pass {
    const of = this.graph.positionsOf(length);
    if (!this.#tables || this.#positions.rows < length || this.#positions.of !== of) {
      if (this.#tables) freeWeights(this.backend, this.#tables);
      this.#tables = null;
      // Positions that last are made in advance: a decoding loop asks for one more at each step.
      const ahead = this.#positions.of === of ? 2 * this.#positions.rows : 0;
      this.#positions = { rows: Math.max(length, ahead), of };
      this.#tables = this.graph.positions(this.backend, this.#positions.rows, length);
    }
    return { backend: this.backend, workspace: this.#workspace, tables: this.#tables, sequences, queries, start };
  }
}

/** Windows from `from` on that have the length of the first and together at most BATCH_TOKENS tokens (at least one). */
function nextBatch(windows: readonly ArrayLike<number>[], from: number): readonly ArrayLike<number>[] {
  const { length } = windows[from];
  const most = Math.max(1, Math.floor(BATCH_TOKENS / Math.max(1, length)));
  let to = from;
  while (to < windows.length && to - from < most && windows[to].length === length) to++;
  return windows.slice(from, to);
}

function checkIds(ids: ArrayLike<number>, vocabSize: number): void {
  for (let i = 0; i < ids.length; i++)
    if (!(Number.isInteger(ids[i]) && ids[i] >= 0 && ids[i] < vocabSize))
      throw new DataError({
        expected: `token ids from 0 to ${vocabSize - 1}`,
        got: String(ids[i]),
        where: `position ${i}`,
      });
}
