// SCORE with a remote teacher, and a whole training with one: its scores become the labels, under a version
// that changes with the model's id and with nothing else (promise 6); a stop leaves no trace; a snapshot
// holds what is needed to go on (promise 3).
import { BehaviorSubject, lastValueFrom, tap, toArray } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Manifest, Snapshot } from '../../src/contract.ts';
import type { FromTrainer, TrainerSummary } from '../../src/protocol.ts';
import type { RemoteTeacher } from '../../src/trainer/grading.ts';
import { labelKey } from '../../src/trainer/labels.ts';
import { remoteScoreTurn } from '../../src/trainer/remote-score.ts';
import { takeSnapshot } from '../../src/trainer/snapshot.tf.ts';
import { decodeState } from '../../src/trainer/state.ts';
import { openRemoteTeacher } from '../../src/trainer/teacher.http.ts';
import { type Orders, train$ } from '../../src/trainer/train.rx.ts';
import { distillPlan, documentOf } from '../../src/trainer/turn.ts';
import { type Answer, type Asked, json, type ScoreServer, scoreServer } from '../support/score-server.ts';
import { type Bench, disposeBenches, openBench, streamOf, tinyConfig } from '../support/workshop.ts';

afterEach(disposeBenches);

const config = tinyConfig({
  teacher: { kind: 'remote', remote: { url: 'http://localhost', api: 'vllm', batch: 2, concurrency: 2 } },
});
const groups = streamOf(20);
const first = { from: 0, to: 10 };
const signal = new AbortController().signal;

/** A score that says what was asked: the sum of the character codes. */
const scoreOf = (query: string, document: string): number =>
  [...(query + document)].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) / 100;

function answer(asked: Asked, model: string): Answer {
  if (asked.method === 'GET') return json({ data: [{ id: model }] });
  const { text_1: query, text_2: documents } = asked.body as { text_1: string; text_2: string[] };
  return json({ data: documents.map((text, index) => ({ index, score: scoreOf(query, text) })) });
}

const teacherAt = ({ fetch, timer }: ScoreServer): RemoteTeacher =>
  openRemoteTeacher({ settings: config.teacher.remote!, token: null, fetch, timer });
const serving = (model: string): RemoteTeacher => teacherAt(scoreServer((asked) => answer(asked, model)));

async function score(
  { shop }: Bench,
  teacher: RemoteTeacher,
  block = first,
  within = signal,
): Promise<boolean> {
  const steps = remoteScoreTurn(shop, block, teacher, within);
  let next = await steps.next();
  while (!next.done) next = await steps.next();
  return next.value;
}

describe('SCORE', () => {
  it('labels what DISTILL needs with the scores of the server', async () => {
    const bench = await openBench({ groups, config });
    expect(await score(bench, serving('a'))).toBe(true);
    const { shop } = bench;
    expect(shop.state).toMatchObject({ teacherVersion: 1, teacherModel: 'a' });
    const items = distillPlan(shop, first).plan.flat();
    expect(items.length).toBeGreaterThan(3);
    for (const { group, positive, negative } of items)
      for (const result of [positive, negative]) {
        const { title, summary } = documentOf(group, result);
        const label = shop.labels.get(labelKey(group.query, { title, summary }))!;
        expect(label).toEqual({
          teacherVersion: 1,
          score: Math.fround(scoreOf(group.query, `${title} ${summary}`)),
        });
      }
  });

  it('keeps version and calibration while the model is the same, and asks for nothing twice', async () => {
    const bench = await openBench({ groups, config });
    await score(bench, serving('a'));
    const { calibrations } = bench.shop.state;
    const again = scoreServer((asked) => answer(asked, 'a'));
    await score(bench, teacherAt(again));
    expect(again.asked.every(({ method }) => method === 'GET')).toBe(true);
    await score(bench, serving('a'), { from: 10, to: 20 });
    expect(bench.shop.state).toMatchObject({ teacherVersion: 1, calibrations });
    expect(calibrations.length).toBe(1);
  });

  it('takes another model for another version', async () => {
    const bench = await openBench({ groups, config });
    await score(bench, serving('a'));
    await score(bench, serving('b'));
    expect(bench.shop.state).toMatchObject({ teacherVersion: 2, teacherModel: 'b' });
    expect(bench.shop.state.calibrations.map(({ teacherVersion }) => teacherVersion)).toEqual([1, 2]);
  });

  it('scores again what a model that was replaced meanwhile has scored', async () => {
    const models = ['a', 'b', 'b', 'b'];
    const server = scoreServer((asked) => answer(asked, asked.method === 'GET' ? models.shift()! : ''));
    const bench = await openBench({ groups, config });
    await score(bench, teacherAt(server));
    expect(bench.shop.state).toMatchObject({ teacherVersion: 1, teacherModel: 'b' });
    expect(models).toEqual([]);
  });

  it('gives up on a server that never answers with one model', async () => {
    let number = 0;
    const server = scoreServer((asked) => answer(asked, `m${number++}`));
    const bench = await openBench({ groups, config });
    const before = JSON.stringify(bench.shop.state);
    await expect(score(bench, teacherAt(server))).rejects.toMatchObject({ code: 'TEACHER_UNREACHABLE' });
    expect([bench.shop.labels.size, JSON.stringify(bench.shop.state)]).toEqual([0, before]);
  });

  it('leaves no trace when it is stopped', async () => {
    const stop = new AbortController();
    const server = scoreServer((asked, number) => {
      if (number < 3) return answer(asked, 'a');
      stop.abort();
      return 'hangs';
    });
    const bench = await openBench({ groups, config });
    const before = JSON.stringify(bench.shop.state);
    expect(await score(bench, teacherAt(server), first, stop.signal)).toBe(false);
    expect([bench.shop.labels.size, JSON.stringify(bench.shop.state)]).toEqual([0, before]);
  });
});

describe('training', () => {
  interface Ran {
    readonly messages: readonly FromTrainer[];
    readonly snapshots: readonly Snapshot[];
  }

  async function run(bench: Bench, server: ScoreServer, orders$: BehaviorSubject<Orders>): Promise<Ran> {
    const snapshots: Snapshot[] = [];
    const ports = {
      clock: { now: () => 0, elapsed: () => 0 },
      remote: teacherAt(server),
      publish: (shop: Bench['shop'], scheduled: boolean) => {
        const starts = { student: null, teacher: null };
        const snapshot = takeSnapshot(shop, bench.fixed, { scheduled, configDigest: 'c', starts });
        snapshots.push(snapshot);
        return Promise.resolve({ cursor: snapshot.cursor, scheduled } as Manifest);
      },
      summarise: () => ({}) as TrainerSummary,
    };
    const messages = await lastValueFrom(
      train$(bench.shop, ports, orders$).pipe(
        tap((message) => {
          if (message.kind !== 'generation' || !message.manifest.scheduled) return;
          bench.journal.retire(message.manifest.cursor);
          orders$.next({ ...orders$.value, retired: message.manifest.cursor });
        }),
        toArray(),
      ),
    );
    return { messages, snapshots };
  }

  const everything: Orders = { high: 20, ended: true, retired: 0, stopping: false };
  const stateIn = ({ files }: Snapshot) =>
    decodeState(files.find(({ path }) => path === 'state.json')!.bytes);

  it('learns nothing but the student, from a teacher of which there are no files', async () => {
    const bench = await openBench({ groups, config });
    const server = scoreServer((asked) => answer(asked, 'a'));
    const { messages, snapshots } = await run(bench, server, new BehaviorSubject(everything));
    expect(messages.at(-1)?.kind).toBe('finished');
    const { optimizerSteps, teacherVersion, teacherModel, turns } = stateIn(snapshots.at(-1)!);
    expect(optimizerSteps).toMatchObject({ pretrain: 0, finetune: 0 });
    expect(optimizerSteps.distill).toBeGreaterThan(0);
    expect([teacherVersion, teacherModel, turns.FINETUNE]).toEqual([1, 'a', 2]);
    expect(bench.fixed.filter(({ path }) => path.startsWith('teacher/'))).toEqual([]);
    const trained = new Set(snapshots.map(({ weightsSha256 }) => weightsSha256.student));
    expect(trained.has(snapshots[0]!.weightsSha256.teacher)).toBe(false);
    const figures = messages.flatMap((m) => (m.kind === 'turn' ? Object.keys(m.report.figures) : []));
    expect(figures.filter((name) => name.includes('.teacher.'))).toEqual([]);
    expect(figures.some((name) => name.includes('.student.'))).toBe(true);
  });

  it('stops while the server is silent, and goes on from its snapshot to the same end', async () => {
    const whole = await run(
      await openBench({ groups, config }),
      scoreServer((asked) => answer(asked, 'a')),
      new BehaviorSubject(everything),
    );
    const orders$ = new BehaviorSubject(everything);
    let answers = 0;
    const silent = scoreServer((asked) => {
      if (++answers < 12) return answer(asked, 'a');
      orders$.next({ ...orders$.value, stopping: true });
      return 'hangs';
    });
    const bench = await openBench({ groups, config });
    const stopped = await run(bench, silent, orders$);
    expect(stopped.messages.at(-1)?.kind).toBe('generation');
    const from = stopped.snapshots.at(-1)!;
    const second = await openBench({ groups, config, journal: bench.journal, from });
    const orders = { ...everything, retired: orders$.value.retired };
    const rest = await run(
      second,
      scoreServer((asked) => answer(asked, 'a')),
      new BehaviorSubject(orders),
    );
    expect(rest.messages.at(-1)?.kind).toBe('finished');
    expect(rest.snapshots.at(-1)!.weightsSha256).toEqual(whole.snapshots.at(-1)!.weightsSha256);
  });
});
