// restill run: a topic of a broker in, better students out, until it is told to stop. The composition root of
// the live source, journal and trainer.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { lastValueFrom, type Observable, tap } from 'rxjs';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { daemon$ } from '../daemon.rx.ts';
import { RestillError } from '../errors.ts';
import { alreadyEnded, openBatching, openMergeBatching } from '../streams/batch.ts';
import type { Consumer, Telling } from '../streams/consuming.ts';
import { openDeadLetters } from '../streams/dead-letters.fs.ts';
import { lockDirectory } from '../streams/directory-lock.lmdb.ts';
import { openIngest } from '../streams/ingest.rx.ts';
import { openJournal } from '../streams/journal.lmdb.ts';
import { journalHost } from '../streams/journal-host.fs.ts';
import type { LiveNotice, LiveSource } from '../streams/live.ts';
import type { IngestItem, Journal } from '../streams/ports.ts';
import { superviseTrainer } from '../supervisor.rx.ts';
import type { Log } from '../telemetry.ts';
import { logNotice, openConnected, openTopic } from './broker.ts';
import { readConfigFile } from './config-file.ts';
import { openConsumer } from './consumer.ts';
import type { ConsumingSettings } from './consuming-thread.ts';
import { withTopic } from './letters.ts';
import { leaveSoon } from './lingering.ts';
import { openLog } from './log.ts';
import { errorFields } from './log-daemon.ts';
import type { PartitionStanding } from './observe.ts';
import { type Operations, openOperations, showContact } from './operations.ts';
import { openPublishedGroups, type PublishedGroups } from './published-groups.ts';
import { parseRole, prepareRoleTopics, type Role, readingConfig } from './roles.ts';
import { runBuilder } from './run-builder.ts';
import { runScorer } from './run-scorer.ts';
import { readSecrets, secretTexts } from './secrets.ts';
import { openSignals } from './signals.ts';
import { startTrainer } from './trainer-child.ts';

interface Options {
  readonly config: string;
  readonly data: string;
  readonly role: Role;
}

export function addRunCommand(program: Command): void {
  program
    .command('run')
    .description('learn from a live topic, until told to stop; started again, it goes on where it was')
    .requiredOption('--config <file>', 'yaml; `topic` and `kafka` say what is read')
    .requiredOption('--data <dir>', 'where the journal and the generations live; made where it is missing')
    .option(
      '--role <role>',
      'builder: events to pages; trainer: pages to students; scorer: labels; all',
      parseRole,
      'all',
    )
    .addHelpText('after', help)
    .action((options: Options, command: Command) => run(options, command));
}

const help = `
SIGTERM or Ctrl-C takes in no more, makes a snapshot and leaves with 0, within run.drain_deadline; a second
one leaves at once. Either way nothing is lost: the same command goes on. The log goes to standard output, one
JSON object a line.

Example:
  restill run --config restill.yaml --data /var/lib/restill`;

async function run(options: Options, command: Command): Promise<void> {
  const { config, raw } = readConfigFile(options.config);
  const log = openLog(1, secretTexts(readSecrets(config.kafka)));
  makeDirectory(options.data);
  log.info('run.started', { topic: config.topic, config: options.config, role: options.role });
  const version = command.parent?.version() ?? '';
  const signals = openSignals();
  // Ends the trainer, too: its channel closes.
  signals.leave$.subscribe(() => process.exit(130));
  try {
    const inputs = {
      raw,
      data: options.data,
      role: options.role,
      config,
      log,
      version,
      stop$: signals.stop$,
    };
    await commands[options.role](inputs);
  } catch (error) {
    log.error('run.failed', errorFields(error));
    throw error;
  } finally {
    signals.close();
    leaveSoon(log);
  }
  log.info('run.finished');
}

/** What each role is. */
const commands: Readonly<Record<Role, (inputs: Inputs) => Promise<void>>> = {
  all: conduct,
  builder: runBuilder,
  scorer: runScorer,
  trainer: conduct,
};

interface Inputs {
  readonly config: Config;
  readonly raw: unknown;
  readonly data: string;
  readonly role: Role;
  readonly log: Log;
  readonly version: string;
  readonly stop$: Observable<unknown>;
}

/** Opens everything, runs the daemon, closes everything, in the opposite order. */
async function conduct(inputs: Inputs): Promise<void> {
  const { config, data, log, version, role } = inputs;
  const closing: (() => Promise<unknown> | unknown)[] = [];
  const opened = <T extends { close(): unknown }>(part: T): T => {
    closing.unshift(() => part.close());
    return part;
  };
  try {
    opened(lockDirectory(data, 'journal', journalHost));
    const journal = opened(openJournal(join(data, 'journal'), { config, host: journalHost }));
    if (journal.status().ended) throw alreadyEnded();
    if (role === 'trainer' || config.roles.groups !== null) await prepareRoleTopics(config);
    const note = (message: string): void => log.info('source.client', { message });
    let operations: Operations | null = null;
    const notice = (found: LiveNotice): void => {
      logNotice(found, log);
      if (operations !== null) showContact(found, operations);
    };
    const status = journal.status();
    const consume = role === 'trainer' ? consumePages : consumeEvents;
    const { source } = opened(await consume({ config, status }, { notice, note }));
    const partitions = (): readonly PartitionStanding[] => source.partitions();
    operations = opened(await openOperations({ config, data, log, version, partitions }));
    const file = opened(await openDeadLetters(join(data, 'dead-letters.jsonl'), status.deadLetterBytes));
    const deadLetters = opened(await withTopic(file, { config, operations, note }));
    const open = role === 'trainer' ? openMergeBatching : openBatching;
    const ingest = openIngest({ config, source, journal, deadLetters }, open);
    const warn = (error: unknown): void => log.error('groups.unsent', errorFields(error));
    const published = await openPublishedGroups(config, journal, warn);
    if (published !== null) opened(published);
    await live(inputs, { source, journal, operations, ingest, published });
  } finally {
    for (const close of closing) await Promise.resolve(close()).catch(() => {}); // What is durable stays so.
  }
}

type Consume = (settings: ConsumingSettings, telling: Telling) => Promise<Consumer<IngestItem>>;

const consumeEvents: Consume = async (settings, telling) => {
  const source = await openConsumer(settings, telling);
  return { source, close: () => source.close() };
};

/** What builders have handed over. */
const consumePages: Consume = ({ config, status }, { notice, note }) => {
  const reading = readingConfig(config, config.roles.pages);
  const bounds = { from: null, until: null };
  return openConnected(reading, {
    note,
    open: (broker) => openTopic({ config: reading, broker, status, bounds, notice, alone: true }),
  });
};

interface Parts {
  readonly source: LiveSource<IngestItem>;
  readonly journal: Journal;
  readonly operations: Operations;
  readonly ingest: ReturnType<typeof openIngest>;
  /** Null without scorers. */
  readonly published: PublishedGroups | null;
}

async function live({ config, raw, data, stop$ }: Inputs, parts: Parts): Promise<void> {
  const { source, journal, operations, ingest, published } = parts;
  const trainer = superviseTrainer({
    start: () => startTrainer({ dataDirectory: data, config: raw }),
    policy: config.trainer,
    timer: systemClock,
  });
  const events$ = daemon$({
    ...{ ingest, trainer, stop$, trainerLost: 'ingest-on' },
    retire: (cursor) => journal.retire(cursor),
    drainDeadline: { ms: config.run.drainDeadline, timer: systemClock },
  });
  const follow = (event: Parameters<Operations['follow']>[0]): void => {
    operations.follow(event);
    if (event.kind !== 'ingest') return;
    source.acknowledge(event.progress.status.offsets);
    published?.upTo(event.progress.status.high);
  };
  await lastValueFrom(events$.pipe(tap(follow)));
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (cause) {
    throw new RestillError(
      'STORE_WRITE_FAILED',
      `cannot write into the data directory ${directory}: ${errorFields(cause).message}; ` +
        'give one that may be written',
      { cause },
    );
  }
}
