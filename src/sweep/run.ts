// A sweep at work: what the records say is done, the cells that are left run one after the other, and the tables are written
// anew after each, so that whatever ends the sweep, nothing but the cell at hand is lost.

import type { EngineOptions } from '../backend/open.js';
import type { LongRunning } from '../progress.js';
import { failedRecord, measureDense, runCell } from './cell.js';
import { toCsv } from './csv.js';
import type { SweepFolder } from './folder.js';
import type { Refused } from './grid.js';
import type { DenseJob, Job, Jobs } from './jobs.js';
import { toMarkdown } from './markdown.js';
import type { CellRecord, DenseRecord, FailedRecord, Perplexities } from './record.js';
import { type CellResult, cellResult, type SweepResults, sweepResults } from './results.js';

export interface SweepOptions extends EngineOptions, LongRunning {
  /** Folder of the results; new, empty, or that of a sweep, which is then gone on with. */
  out: string;
  /** Keep the pruned models, in models/; a cell whose model is not there is run again. */
  keepModels?: boolean | undefined;
  /** Write, download and run nothing; the results say what is done. */
  dryRun?: boolean | undefined;
  /** Called after each cell that was run, with its place among all. */
  onCell?: ((cell: CellResult, number: number, total: number) => void) | undefined;
}

export class SweepRun {
  /** One for each job, in order. */
  #cells: CellResult[] = [];
  /** Of the models that were measured, by the id of their job. */
  readonly #dense = new Map<string, Perplexities>();
  /** Measured once also where that fails, since it then fails for every cell of the model. */
  readonly #measuring = new Map<string, Promise<Perplexities>>();

  constructor(
    private readonly folder: SweepFolder,
    private readonly jobs: Jobs,
    private readonly refused: readonly Refused[],
    private readonly options: SweepOptions,
  ) {}

  /** Learns from the records what is done. */
  async read(): Promise<void> {
    for (const { id, key } of this.jobs.dense) {
      const record = await this.folder.read<DenseRecord>('dense', id, key);
      if (record) this.#dense.set(id, record.perplexity);
    }
    for (const job of this.jobs.cells) {
      const { id, key } = job.head;
      const record = await this.folder.read<CellRecord | FailedRecord>('cells', id, key);
      const lost = this.options.keepModels === true && !(await this.folder.hasModel(id));
      this.#cells.push(cellResult(job, record && !('error' in record) && lost ? undefined : record));
    }
  }

  /** What is known by now. */
  results(): SweepResults {
    const { evaluation, dense } = this.jobs;
    const { sources, seqLen = null, limit = null } = evaluation;
    return sweepResults({
      evaluation: { sources: Array.from(sources, ([name, source]) => ({ name, source })), seqLen, limit },
      dense: dense.map(({ id, model }) => ({ model, perplexity: this.#dense.get(id) ?? null })),
      cells: this.#cells,
      refused: this.refused,
    });
  }

  /** Runs what is not done. */
  async run(): Promise<SweepResults> {
    const { jobs, folder, options } = this;
    let results = await this.#save();
    for (const [i, job] of jobs.cells.entries()) {
      if (this.#cells[i].state === 'done') continue;
      options.signal?.throwIfAborted();
      const record = await this.#recordOf(job, i + 1);
      await folder.write('cells', record);
      this.#cells[i] = cellResult(job, record);
      results = await this.#save();
      options.onCell?.(this.#cells[i], i + 1, jobs.cells.length);
    }
    return results;
  }

  async #recordOf(job: Job, number: number): Promise<CellRecord | FailedRecord> {
    const { folder, options, jobs } = this;
    const { head, given, calibration } = job;
    const { signal, backend, threads, deterministic } = options;
    const of = `cell ${number} of ${jobs.cells.length}`;
    const onProgress: SweepOptions['onProgress'] = (progress) =>
      options.onProgress?.({ ...progress, note: progress.note ? `${of}, ${progress.note}` : of });
    const running = { signal, onProgress, backend, threads, deterministic };
    const out = options.keepModels === true ? folder.model(head.id) : folder.scratch;
    try {
      const dense = await this.#denseOf(job.dense, running);
      const run = { ...given, calibration, model: job.dense.place, out };
      return await runCell(head, run, dense, jobs.evaluation, running);
    } catch (error) {
      signal?.throwIfAborted();
      return failedRecord(head, error);
    } finally {
      await folder.clear();
    }
  }

  #denseOf(job: DenseJob, running: Parameters<typeof measureDense>[3]): Promise<Perplexities> {
    const { id, key, model, place } = job;
    const known = this.#dense.get(id);
    if (known) return Promise.resolve(known);
    const measure = async () => {
      const record = await measureDense({ id, key, model }, place, this.jobs.evaluation, running);
      await this.folder.write('dense', record);
      this.#dense.set(id, record.perplexity);
      return record.perplexity;
    };
    const measuring = this.#measuring.get(id) ?? measure();
    this.#measuring.set(id, measuring);
    return measuring;
  }

  async #save(): Promise<SweepResults> {
    const results = this.results();
    await this.folder.writeResults('results.json', results);
    await this.folder.writeResults('results.csv', toCsv(results));
    await this.folder.writeResults('results.md', toMarkdown(results));
    return results;
  }
}
