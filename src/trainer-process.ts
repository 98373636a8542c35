// The trainer process's composition root: the child that `restill replay` starts. It reads the journal, trains, and
// stores generations; its only ties to the daemon are the journal's files and the messages of contract.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BehaviorSubject, filter, firstValueFrom, lastValueFrom, tap } from 'rxjs';
import { judgeCandidate } from './checkpoint/gate.ts';
import { openStore } from './checkpoint/store.fs.ts';
import { systemClock } from './clock.ts';
import { readLines } from './commands/text-files.ts';
import type { TrainerStart } from './commands/trainer-child.ts';
import { type Config, configDigest, parseConfig } from './config.ts';
import type { Generation, GenerationId, GenerationStore, JournalReader } from './contract.ts';
import { RestillError } from './errors.ts';
import type { FromTrainer, ToTrainer } from './protocol.ts';
import { isHoldout } from './streams/holdout.ts';
import { journalHost } from './streams/journal-host.fs.ts';
import { openJournalReader } from './streams/journal-reader.lmdb.ts';
import { normalizeQuery } from './streams/normalize.ts';
import { startBackend } from './tensor/backend.tf.ts';
import { type EvaluationSet, judgedSet } from './trainer/evaluation.ts';
import { judgedQueries } from './trainer/judged.ts';
import { origin } from './trainer/schedule.ts';
import { type FixedFiles, restoreSnapshot, takeSnapshot, weightsSha256 } from './trainer/snapshot.tf.ts';
import { summarise } from './trainer/summary.ts';
import { type Orders, type TrainPorts, train$ } from './trainer/train.rx.ts';
import { designModels, isFixedFile, type Opened, openWorkshop } from './trainer/workshop.tf.ts';

// When the daemon is gone, however it went, so is its trainer.
const orphaned = (): never => process.exit(1);
process.on('disconnect', orphaned);
// Ctrl-C on a terminal reaches the whole process group; the daemon decides what it means.
process.on('SIGINT', () => {});

const orders$ = new BehaviorSubject<Orders>({ high: 0, ended: false, retired: -1, stopping: false });
process.on('message', (message: ToTrainer | ({ kind: 'start' } & TrainerStart)) => {
  if (message.kind === 'start') {
    run(message).then(leave, fail);
  } else if (message.kind === 'durable') {
    orders$.next({ ...orders$.value, high: message.high, ended: message.ended });
  } else if (message.kind === 'retired') {
    orders$.next({ ...orders$.value, retired: message.cursor });
  } else {
    orders$.next({ ...orders$.value, stopping: true });
  }
});

async function run({ dataDirectory, config: raw }: TrainerStart): Promise<void> {
  const config = parseConfig(raw);
  const digest = configDigest(config);
  const backend = await startBackend({ threads: config.trainer.threads, oneDnn: config.trainer.onednn });
  const store = await openStore({
    directory: join(dataDirectory, 'generations'),
    clock: systemClock,
    access: 'write',
    onUnusable: ({ id, error }) => send({ kind: 'damaged', generation: id, message: error.message }),
  });
  const journal = openJournalReader(join(dataDirectory, 'journal'), { config, host: journalHost });
  const latest = await store.latest(digest);
  const restored = latest
    ? await restoreSnapshot((path) => store.read(latest, path), config.labels.keptMax)
    : null;
  const { cursor, retireTo } = restored?.state.position ?? origin;
  requireSupply(journal, cursor);
  send({ kind: 'ready', cursor, retireTo, generation: latest?.manifest.id ?? null });
  if (!(await supplied(retireTo, restored === null ? config.vocabulary.groups : 0))) return;
  const fixed = latest ? await fixedFiles(store, latest) : design(config, journal);
  const opened = openWorkshop({ backend, config, journal, judged: judgments(config), fixed, restored });
  const publishing = { opened, fixed, store, digest, generation: latest?.manifest.id ?? null };
  await lastValueFrom(train$(opened.shop, ports(publishing), orders$).pipe(tap(send)), {
    defaultValue: null,
  });
  await journal.close();
}

/** Happens only when a newer generation was damaged or taken away: the ring was retired up to that one. */
function requireSupply(journal: JournalReader, cursor: number): void {
  const { low } = journal.status();
  if (cursor >= low) return;
  throw new RestillError(
    'JOURNAL_AHEAD',
    `training would go on at group ${cursor}, but the journal's ring begins at ${low}; ` +
      'put the missing generation back, or start anew in another data directory',
  );
}

/** Waits until the memory is as the generation left it and `groups` have arrived; false when a stop came first. */
async function supplied(retireTo: number, groups: number): Promise<boolean> {
  const ready = (o: Orders): boolean => o.retired >= retireTo && (o.ended || o.high >= groups);
  const orders = await firstValueFrom(orders$.pipe(filter((o) => o.stopping || ready(o))));
  return !orders.stopping;
}

function design(config: Config, journal: JournalReader): FixedFiles {
  const { path, groups } = config.vocabulary;
  const { high } = journal.status();
  const tokenizer = path === null ? null : readFileSync(path, 'utf8');
  return designModels(config, journal.read(0, Math.min(groups, high)), tokenizer);
}

async function fixedFiles(store: GenerationStore, generation: Generation): Promise<FixedFiles> {
  const paths = generation.manifest.files.map((file) => file.path).filter(isFixedFile);
  return Promise.all(paths.map(async (path) => ({ path, bytes: await store.read(generation, path) })));
}

function judgments(config: Config): EvaluationSet | null {
  const { queries, documents, judgments: grades } = config.evaluation;
  if (queries === null || documents === null || grades === null) return null;
  const judged = judgedQueries({
    queries: readLines(queries),
    documents: readLines(documents),
    judgments: readLines(grades),
  });
  return judgedSet(judged, (query) => isHoldout(normalizeQuery(query), config));
}

interface Publishing {
  readonly opened: Opened;
  readonly fixed: FixedFiles;
  readonly store: GenerationStore;
  readonly digest: string;
  /** The one that this process started from. */
  readonly generation: GenerationId | null;
}

function ports({ opened, fixed, store, digest, generation: restoredId }: Publishing): TrainPorts {
  const { config } = opened.shop;
  let newest = restoredId;
  return {
    clock: systemClock,
    publish: async (shop, scheduled) => {
      const snapshot = takeSnapshot(shop, fixed, { scheduled, configDigest: digest });
      const live = await store.live();
      const serving = (await store.list()).find(({ id }) => id === live)?.metrics ?? null;
      const verdict = judgeCandidate(snapshot.metrics, serving, config.gate);
      const { manifest } = await store.publish(snapshot, verdict);
      if (verdict.decision === 'PROMOTE') await store.setLive(manifest.id);
      await store.retain(config.checkpoint.keep);
      newest = manifest.id;
      return manifest;
    },
    summarise: (shop, seconds) =>
      summarise({ ...opened, seconds, generation: newest, weightsSha256: weightsSha256(shop) }),
  };
}

function send(message: FromTrainer): void {
  process.send?.(message);
}

/** Messages on their way are delivered before the channel closes; then nothing keeps the process alive. */
function leave(): void {
  process.off('disconnect', orphaned);
  process.disconnect();
}

function fail(error: unknown): void {
  const known = error instanceof RestillError;
  const message = known
    ? error.message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);
  process.send?.({ kind: 'failed', code: known ? error.code : 'BUG', message }, () => process.exit(1));
}
