// restill replay: a recorded topic in, a better student out. The composition root of ingest, journal and
// trainer.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { fromEvent, lastValueFrom, merge, Subject, take, takeUntil, tap } from 'rxjs';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { IngestCounts } from '../contract.ts';
import { type DaemonEvent, daemon$ } from '../daemon.rx.ts';
import { RestillError } from '../errors.ts';
import type { TrainerNews, TrainerSummary } from '../protocol.ts';
import { openDeadLetters } from '../streams/dead-letters.fs.ts';
import { lockDirectory } from '../streams/directory-lock.lmdb.ts';
import { openIngest } from '../streams/ingest.rx.ts';
import { openJournal } from '../streams/journal.lmdb.ts';
import { journalHost } from '../streams/journal-host.fs.ts';
import type { LiveNotice } from '../streams/live.ts';
import { openRecordedSource } from '../streams/recorded-source.fs.ts';
import { superviseTrainer } from '../supervisor.rx.ts';
import type { Log } from '../telemetry.ts';
import { logNotice, openBoundedTopic } from './broker.ts';
import { readConfigFile } from './config-file.ts';
import { curveSvg } from './curve.ts';
import { openLog } from './log.ts';
import { errorFields, logDaemon } from './log-daemon.ts';
import { type ProgressPrinter, progressPrinter } from './progress-printer.ts';
import { formatReport, makeReport, type Report } from './report.ts';
import { print, printJson } from './stored-generations.ts';
import { writeText } from './text-files.ts';
import { startTrainer } from './trainer-child.ts';

interface Options {
  readonly config?: string;
  readonly data: string;
  readonly json?: true;
  readonly broker?: true;
  readonly from?: string;
  readonly until?: string;
}

export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .description('learn from recorded click topics; started again, it goes on where it was')
    .argument('[file...]', 'recordings in the envelope of `kcat -J`: plain, gzip or zstd')
    .option('--broker', 'read `topic` from kafka.brokers instead')
    .option('--from <place>', 'with --broker: a time or offsets (0:1200,1:900); without it the beginning')
    .option('--until <place>', 'with --broker: the same, exclusive; without it what is there now')
    .option('--config <file>', 'yaml; without it the defaults hold')
    .requiredOption('--data <dir>', 'where the journal and the generations live; made where it is missing')
    .option('--json', 'the report as one JSON object on standard output; progress goes to standard error')
    .addHelpText('after', help)
    .action((files: string[], options: Options, command: Command) => replay(files, options, command));
}

const help = `
Ctrl-C finishes the step at hand, makes a snapshot and leaves; twice leaves at once. Either way nothing is
lost: the same command goes on. In the data directory: journal/, generations/, dead-letters.jsonl,
restill.log, and at the end report.json and curve.svg.

Example:
  restill replay clicks.jsonl.gz --config config/demo.yaml --data run
  restill replay --broker --until 2026-11-01T00:00:00Z --config restill.yaml --data run`;

async function replay(files: string[], options: Options, command: Command): Promise<void> {
  if ((options.broker === true) === files.length > 0)
    throw new RestillError('USAGE', 'give recordings or --broker, one of the two');
  const { config, raw } = readConfigFile(options.config);
  const log = openDataDirectory(options.data);
  const startedMs = systemClock.elapsed();
  log.info('run.started', { files: files.length, config: options.config ?? 'defaults' });
  const run = new Run(log, progressPrinter(process.stderr, systemClock));
  try {
    await conduct(files, { config, raw, options }, run);
  } catch (error) {
    run.printer.end();
    log.error('run.failed', errorFields(error));
    throw error;
  }
  run.printer.end();
  if (run.summary === null || run.counts === null) {
    log.info('run.finished', { interrupted: true });
    process.stderr.write('interrupted; everything is durable, the same command goes on\n');
    process.exitCode = 130;
    return;
  }
  const total = (systemClock.elapsed() - startedMs) / 1000;
  const report = makeReport(run.counts, run.contentHash, run.summary, { ingest: run.ingestSeconds, total });
  finish(options, report, command);
  log.info('run.finished', { generation: report.generation, steps: report.steps });
}

function finish(options: Options, report: Report, command: Command): void {
  writeText(join(options.data, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  const on = report.quality.some((table) => table.on === 'judgments') ? 'judgments' : 'clicks';
  writeText(join(options.data, 'curve.svg'), curveSvg(report.curve, on));
  if (options.json) printJson(command, report);
  else print(command, `\n${formatReport(report)}\n`);
}

interface Inputs {
  readonly config: Config;
  readonly raw: unknown;
  readonly options: Options;
}

/** Opens everything, runs the daemon, closes everything. */
async function conduct(files: string[], { config, raw, options }: Inputs, run: Run): Promise<void> {
  const { data } = options;
  // Before the journal is made: what cannot be read shall leave nothing behind.
  const recorded = options.broker ? null : await openRecordedSource(files, config.records);
  const lock = lockDirectory(data, 'journal', journalHost);
  const journal = openJournal(join(data, 'journal'), { config, host: journalHost });
  const { deadLetterBytes } = journal.status();
  const source =
    recorded ?? (await openBoundedTopic({ config, options, status: journal.status(), note: run.note }));
  const deadLetters = await openDeadLetters(join(data, 'dead-letters.jsonl'), deadLetterBytes);
  const ingest = openIngest({ config, source, journal, deadLetters });
  const trainer = superviseTrainer({
    start: () => startTrainer({ dataDirectory: data, config: raw }),
    policy: config.trainer,
    timer: systemClock,
  });
  const over$ = new Subject<void>();
  const signals$ = merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM')).pipe(takeUntil(over$));
  const second = signals$.pipe(tap({ next: () => run.leaveAtOnce(trainer.kill) })).subscribe();
  const stop$ = signals$.pipe(take(1));
  const retire = (cursor: number): Promise<void> => journal.retire(cursor);
  const parts = { ingest, trainer, retire, stop$, trainerLost: 'fail', drainDeadline: null } as const;
  try {
    await lastValueFrom(daemon$(parts).pipe(tap((event) => run.follow(event))));
  } finally {
    second.unsubscribe();
    over$.next();
    await Promise.allSettled([source.close(), deadLetters.close(), journal.close()]);
    await lock.close();
  }
}

/** Follows the daemon: log, progress, and what the report needs. */
class Run {
  readonly printer: ProgressPrinter;
  readonly #log: Log;
  summary: TrainerSummary | null = null;
  counts: IngestCounts | null = null;
  contentHash = '';
  ingestSeconds = 0;
  #signals = 0;
  readonly #startedMs = systemClock.elapsed();

  constructor(log: Log, printer: ProgressPrinter) {
    this.#log = log;
    this.printer = printer;
  }

  /** What a live source has to tell. */
  readonly note = (notice: LiveNotice): void => logNotice(notice, this.#log);

  /** The first signal is an orderly stop; at the second nothing is waited for. */
  leaveAtOnce(kill: () => void): void {
    this.#signals++;
    if (this.#signals < 2)
      return this.printer.note('stopping: finishing the step at hand; again to leave at once');
    kill();
    process.exit(130);
  }

  follow(event: DaemonEvent): void {
    logDaemon(event, this.#log);
    if (event.kind === 'trainer') return this.#trainer(event.message);
    if (event.kind !== 'ingest') return;
    const { status, counts, bytesRead, bytesTotal } = event.progress;
    this.counts = counts;
    this.contentHash = status.contentHash;
    this.printer.ingest(counts, bytesRead / Math.max(1, bytesTotal), status.ended);
    if (status.ended) this.ingestSeconds = (systemClock.elapsed() - this.#startedMs) / 1000;
  }

  #trainer(message: TrainerNews): void {
    switch (message.kind) {
      case 'ready':
        return this.printer.start(message.cursor, message.generation);
      case 'progress':
        return this.printer.step(message);
      case 'turn':
        return this.printer.turn(message.report);
      case 'generation':
        return this.printer.generation(message.manifest);
      case 'damaged':
        return this.printer.note(`${message.generation} is damaged and was set aside: ${message.message}`);
      case 'died':
        return this.printer.note(
          `the trainer process died, a new one starts in ${message.restartInMs / 1000} s: ${message.message}`,
        );
      case 'finished':
        this.summary = message.summary;
        return;
    }
  }
}

/** Makes it where it is missing. */
function openDataDirectory(directory: string): Log {
  try {
    mkdirSync(directory, { recursive: true });
    return openLog(join(directory, 'restill.log'));
  } catch (error) {
    throw new RestillError(
      'STORE_WRITE_FAILED',
      `cannot write into the data directory ${directory}: ${errorFields(error).message}; ` +
        'give one that may be written',
      { cause: error },
    );
  }
}
