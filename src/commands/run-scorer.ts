// restill run --role scorer: admitted groups in, the remote teacher's scores of their results out. The
// composition root of the live source, the teacher and the labels' topic.
//
// A label that comes twice says the same, so the group's commit is enough: it follows the labels, and what
// was not committed is scored again.
import type { Observable } from 'rxjs';
import { take } from 'rxjs';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Group } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { isLetter } from '../streams/envelope.ts';
import { readGroup } from '../streams/group-topic.ts';
import { labelMessage } from '../streams/label-topic.ts';
import type { SourceItem } from '../streams/ports.ts';
import { openSender } from '../streams/sender.kafka.ts';
import { partitionKey } from '../streams/watermark.ts';
import type { Log } from '../telemetry.ts';
import type { Graded, RemoteTeacher } from '../trainer/grading.ts';
import { labelKey } from '../trainer/labels.ts';
import { openRemoteTeacher } from '../trainer/teacher.http.ts';
import { logNotice, openBroker, openTopic } from './broker.ts';
import { prepareRoleTopics, readingConfig } from './roles.ts';
import { readTeacherToken } from './secrets.ts';

export interface ScorerInputs {
  readonly config: Config;
  readonly log: Log;
  readonly stop$: Observable<unknown>;
}

/** Until it is told to stop. */
export async function runScorer({ config, log, stop$ }: ScorerInputs): Promise<void> {
  const { teacher, kafka, roles } = config;
  if (roles.groups === null || roles.labels === null || teacher.remote === null)
    throw new RestillError(
      'CONFIG_INVALID',
      'a scorer needs roles.groups, roles.labels and teacher.remote; name the topics and the server',
    );
  const token = readTeacherToken(teacher);
  await prepareRoleTopics(config);
  const over = new AbortController();
  const reading = readingConfig(config, roles.groups);
  const scoring = { ...reading, kafka: { ...reading.kafka, group: `${kafka.group}.scorer`, shared: true } };
  const closing: (() => Promise<void>)[] = [];
  const opened = <T extends { close(): Promise<void> }>(part: T): T => {
    closing.unshift(() => part.close());
    return part;
  };
  try {
    const broker = await openBroker(scoring, (message) => log.info('source.client', { message }));
    opened(broker.desk);
    const sender = opened(await openSender(broker.kafka, roles.labels));
    const status = { offsets: {}, fingerprints: {} };
    const bounds = { from: null, until: null };
    const notice = (found: Parameters<typeof logNotice>[0]): void => logNotice(found, log);
    const source = opened(await openTopic({ config: scoring, broker, status, bounds, notice }));
    stop$.pipe(take(1)).subscribe(() => {
      over.abort();
      void source.close();
    });
    const parts = { settings: teacher.remote, token, timer: systemClock, fetch: globalThis.fetch };
    const scorer = new Scorer(openRemoteTeacher(parts), config.labels.keptMax);
    const offsets: Record<string, number> = {};
    for (let items = await source.read(0); items !== null; items = await source.read(0)) {
      const labels = await scorer.score(items.flatMap(groupsOf), over.signal);
      if (labels === null) return;
      await sender.send(labels.map(labelMessage));
      for (const item of items) if (!isLetter(item)) offsets[partitionKey(item)] = item.offset + 1;
      source.acknowledge({ ...offsets });
    }
  } finally {
    for (const close of closing) await close().catch(() => {}); // Labels are sent.
  }
}

function groupsOf(item: SourceItem): Group[] {
  if (isLetter(item)) return [];
  const record = item.open();
  return [readGroup(isLetter(record) ? record.record : record)];
}

/** Scores a document for a query once, as long as it remembers: so many labels. */
class Scorer {
  readonly #teacher: RemoteTeacher;
  readonly #keptMax: number;
  #model: string | null = null;
  #done = new Set<string>();

  constructor(teacher: RemoteTeacher, keptMax: number) {
    this.#teacher = teacher;
    this.#keptMax = keptMax;
  }

  /** Null when aborted. */
  async score(groups: readonly Group[], signal: AbortSignal) {
    if (groups.length === 0) return [];
    const model = await this.#teacher.identify(signal);
    if (model === null) return null;
    if (model !== this.#model || this.#done.size > this.#keptMax) this.#done = new Set();
    this.#model = model;
    const wanted = new Map<string, Graded>();
    for (const { query, results } of groups)
      for (const { title, summary } of results) {
        const document = { title, summary };
        const key = labelKey(query, document);
        if (!this.#done.has(key)) wanted.set(key, { query, document });
      }
    if (wanted.size === 0) return [];
    const scores = await lastOf(this.#teacher.grade([...wanted.values()], signal));
    // A model that was replaced meanwhile may have given some of them: not to be told under a name.
    const after = scores && (await this.#teacher.identify(signal));
    if (scores === null || after === null) return null;
    if (after !== model) return [];
    for (const key of wanted.keys()) this.#done.add(key);
    return [...wanted.keys()].map((key, at) => ({ key, model, score: scores[at]! }));
  }
}

async function lastOf<T>(steps: AsyncGenerator<unknown, T>): Promise<T> {
  let step = await steps.next();
  while (!step.done) step = await steps.next();
  return step.value;
}
