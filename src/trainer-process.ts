// The trainer process's composition root: the child that `restill replay` starts. It reads the journal,
// trains, and stores generations; its only ties to the daemon are the journal's files and the messages of
// contract.ts.
import { join } from 'node:path';
import { BehaviorSubject, filter, firstValueFrom, lastValueFrom, map, tap } from 'rxjs';
import { Desk, type LiveStanding } from './checkpoint/desk.fs.ts';
import { evaluationFile } from './checkpoint/evaluation-file.ts';
import { judgeCandidate } from './checkpoint/gate.ts';
import { goldenOf } from './checkpoint/generation-golden.ts';
import { refuseOtherStarts } from './checkpoint/manifest.ts';
import { openStore } from './checkpoint/store.fs.ts';
import { systemClock } from './clock.ts';
import { awaitJudgedTopic } from './commands/judged-topic.ts';
import { openKnownLabels } from './commands/known-labels.ts';
import { readTeacherToken } from './commands/secrets.ts';
import { openStarts, startDigests } from './commands/start-models.ts';
import { configuredJudgments, isHeldOut, readText } from './commands/text-files.ts';
import type { TrainerStart } from './commands/trainer-child.ts';
import { type Config, configDigest, parseConfig } from './config.ts';
import type {
  ArtifactFile,
  GateVerdict,
  Generation,
  GenerationId,
  GenerationStore,
  JournalReader,
  StartDigests,
} from './contract.ts';
import { RestillError } from './errors.ts';
import type { Trial } from './evidence.ts';
import type { FromTrainer, ToTrainer, TrainerFailure } from './protocol.ts';
import { journalHost } from './streams/journal-host.fs.ts';
import { openJournalReader } from './streams/journal-reader.lmdb.ts';
import { startBackend } from './tensor/backend.tf.ts';
import { type EvaluationSet, judgedSet } from './trainer/evaluation.ts';
import type { RemoteTeacher } from './trainer/grading.ts';
import { openLabelledTeacher } from './trainer/labelled-teacher.ts';
import type { ModelState } from './trainer/models.ts';
import { origin } from './trainer/schedule.ts';
import {
  type FixedFiles,
  readStudent,
  restoreSnapshot,
  takeSnapshot,
  weightsSha256,
} from './trainer/snapshot.tf.ts';
import { summarise } from './trainer/summary.ts';
import { openRemoteTeacher } from './trainer/teacher.http.ts';
import { type Orders, type TrainPorts, train$ } from './trainer/train.rx.ts';
import { tryCandidate } from './trainer/trial.ts';
import type { Workshop } from './trainer/turn.ts';
import { designModels, isFixedFile, type Opened, openWorkshop, type Starts } from './trainer/workshop.tf.ts';

// When the daemon is gone, however it went, so is its trainer: also when it went while TensorFlow was being
// loaded.
const orphaned = (): never => process.exit(1);
process.on('disconnect', orphaned);
if (!process.connected) orphaned();
// A service manager signals all processes of a service; the daemon decides what it means.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

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
  const directory = join(dataDirectory, 'generations');
  const store = await openStore({
    directory,
    clock: systemClock,
    access: 'write',
    onUnusable: ({ id, error }) => send({ kind: 'damaged', generation: id, message: error.message }),
  });
  const desk = new Desk({ directory, store, clock: systemClock });
  await desk.acknowledge();
  const journal = openJournalReader(join(dataDirectory, 'journal'), { config, host: journalHost });
  const latest = await store.latest(digest);
  const began = startDigests(config);
  if (latest) refuseOtherStarts(latest.manifest, began);
  const restored = latest
    ? await restoreSnapshot((path) => store.read(latest, path), config.labels.keptMax)
    : null;
  const { cursor, retireTo } = restored?.state.position ?? origin;
  requireSupply(journal, cursor);
  send({ kind: 'ready', cursor, retireTo, generation: latest?.manifest.id ?? null, pid: process.pid });
  if (!(await supplied(retireTo, restored === null ? config.vocabulary.groups : 0))) return;
  const starts = openStarts(config, latest === null);
  const fixed = latest ? await fixedFiles(store, latest) : design(config, journal, starts);
  const judged = await judgments(config);
  const opened = openWorkshop({ backend, config, journal, judged, fixed, restored, starts });
  const publishing = { opened, fixed, store, desk, digest, began, generation: latest?.manifest.id ?? null };
  const withTensors = (message: FromTrainer): FromTrainer => counted(message, backend.tensorCount());
  const messages$ = train$(opened.shop, ports(publishing), orders$).pipe(map(withTensors));
  await lastValueFrom(messages$.pipe(tap(send)), { defaultValue: null });
  await journal.close();
}

/** What the process holds is told beside what the turn came to: it decides about nothing. */
function counted(message: FromTrainer, tensors: number): FromTrainer {
  if (message.kind !== 'turn') return message;
  const figures = { ...message.report.figures, 'memory.tensors': tensors };
  return { ...message, report: { ...message.report, figures } };
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

/**
 * Waits until the memory is as the generation left it and `groups` have arrived; false when a stop came
 * first.
 */
async function supplied(retireTo: number, groups: number): Promise<boolean> {
  const ready = (o: Orders): boolean => o.retired >= retireTo && (o.ended || o.high >= groups);
  const orders = await firstValueFrom(orders$.pipe(filter((o) => o.stopping || ready(o))));
  return !orders.stopping;
}

function design(config: Config, journal: JournalReader, starts: Starts): FixedFiles {
  const { path, groups } = config.vocabulary;
  const { high } = journal.status();
  const tokenizer = path === null ? null : readText(path);
  return designModels(config, journal.read(0, Math.min(groups, high)), tokenizer, starts);
}

async function fixedFiles(store: GenerationStore, generation: Generation): Promise<FixedFiles> {
  const paths = generation.manifest.files.map((file) => file.path).filter(isFixedFile);
  return Promise.all(paths.map(async (path) => ({ path, bytes: await store.read(generation, path) })));
}

/** As they are when this process starts: they measure, and decide about no weight. */
async function judgments(config: Config): Promise<EvaluationSet | null> {
  const isOver = (): boolean => orders$.value.stopping;
  const judged = configuredJudgments(config) ?? (await awaitJudgedTopic(config, isOver))?.queries;
  return judged === undefined ? null : judgedSet(judged, (query) => isHeldOut(query, config));
}

interface Publishing {
  readonly opened: Opened;
  readonly fixed: FixedFiles;
  readonly store: GenerationStore;
  readonly desk: Desk;
  readonly digest: string;
  readonly began: StartDigests;
  /** The one that this process started from. */
  readonly generation: GenerationId | null;
}

function ports({
  opened,
  fixed,
  store,
  desk,
  digest,
  began,
  generation: restoredId,
}: Publishing): TrainPorts {
  const { config } = opened.shop;
  let newest = restoredId;
  return {
    clock: systemClock,
    remote: remoteTeacher(config),
    publish: async (shop, scheduled) => {
      const snapshot = takeSnapshot(shop, fixed, { scheduled, configDigest: digest, starts: began });
      const standing = await desk.standing();
      const { verdict, files } = scheduled ? await judge(store, standing, shop, snapshot.metrics) : unjudged;
      const golden = goldenOf(fixed, config.student, shop.student.score);
      const { manifest } = await store.publish(
        { ...snapshot, files: [...snapshot.files, golden, ...files] },
        verdict,
      );
      if (verdict.decision === 'PROMOTE')
        await desk.promoteJudged(manifest.id, standing, `${verdict.reason}, at ${manifest.cursor} groups`);
      await store.retain(config.checkpoint.keep);
      newest = manifest.id;
      return manifest;
    },
    summarise: (shop, seconds) =>
      summarise({ ...opened, seconds, generation: newest, weightsSha256: weightsSha256(shop) }),
  };
}

function remoteTeacher(config: Config): RemoteTeacher | null {
  const { teacher } = config;
  if (teacher.remote === null) return null;
  const token = readTeacherToken(teacher);
  const parts = { settings: teacher.remote, token, timer: systemClock, fetch: globalThis.fetch };
  const remote = openRemoteTeacher(parts);
  const { labels } = config.roles;
  // Without what scorers have labelled it takes longer, and comes to the same.
  return labels === null
    ? remote
    : openLabelledTeacher(
        remote,
        openKnownLabels(config, labels, () => {}),
      );
}

interface Judgement {
  readonly verdict: GateVerdict;
  /** What it rests on, for the generation. */
  readonly files: readonly ArtifactFile[];
}

/** A snapshot on request falls between two steps: nothing was measured on its weights, so it never serves. */
const unjudged: Judgement = { verdict: { decision: 'HOLD', reason: 'on-request', figures: {} }, files: [] };

async function judge(
  store: GenerationStore,
  { live: id, pinned, movedAt }: LiveStanding,
  shop: Workshop,
  metrics: Trial['metrics'],
): Promise<Judgement> {
  const student = id && (await servingStudent(store, id));
  const trial = tryCandidate(shop, student, metrics);
  const live = id && { id, usable: student !== null, pinned, movedAt };
  const verdict = judgeCandidate(trial, live, shop.config.gate);
  return { verdict, files: [evaluationFile(trial)] };
}

/** Null where it is damaged or gone: then it cannot serve either, and any candidate is better. */
async function servingStudent(store: GenerationStore, id: GenerationId): Promise<ModelState | null> {
  try {
    const generation = await store.open(id);
    return await readStudent((path) => store.read(generation, path));
  } catch (error) {
    if (error instanceof RestillError && /^GENERATION_(DAMAGED|UNKNOWN)$/.test(error.code)) return null;
    throw error;
  }
}

/** Messages arrive in order, so all are delivered when the last one is. */
let delivered: Promise<unknown> = Promise.resolve();

function send(message: FromTrainer | TrainerFailure): void {
  delivered = new Promise((resolve) => process.send!(message, undefined, undefined, resolve));
}

/** Closing the channel drops what is still on its way. Once it is closed nothing keeps the process alive. */
async function leave(): Promise<void> {
  await delivered;
  process.off('disconnect', orphaned);
  process.disconnect();
}

async function fail(error: unknown): Promise<void> {
  const known = error instanceof RestillError;
  const message = known
    ? error.message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);
  send({ kind: 'failed', code: known ? error.code : 'BUG', message });
  await delivered;
  process.exit(1);
}
