// The conductor with real models. Promise 2: how the groups arrive, and how far ingest is ahead, changes
// nothing. Promises 3 and 4: stopped after any step and taken up again from the snapshot, it ends with the
// same bits, the same labels and the same curve. Promise 7: nothing of a holdout group reaches a weight. The
// memory moves at scheduled snapshots only; a stop saves what is not saved yet, and nothing twice.
import { createHash } from 'node:crypto';
import { BehaviorSubject, lastValueFrom, tap, toArray } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { breathe } from '../../src/clock.ts';
import type { Group, Manifest, Snapshot } from '../../src/contract.ts';
import type { FromTrainer, TrainerSummary } from '../../src/protocol.ts';
import { takeSnapshot } from '../../src/trainer/snapshot.tf.ts';
import { decodeState, type TrainerState } from '../../src/trainer/state.ts';
import { type Orders, type TrainPorts, train$ } from '../../src/trainer/train.rx.ts';
import { groupOf, ringJournal } from '../support/groups.ts';
import { type Bench, disposeBenches, openBench, streamOf } from '../support/workshop.ts';

afterEach(disposeBenches);

const total = 33;
const groups = streamOf(total);
const noStarts = { student: null, teacher: null };
const everything: Orders = { high: total, ended: true, retired: 0, stopping: false };

interface Ran {
  readonly messages: readonly FromTrainer[];
  readonly snapshots: readonly Snapshot[];
}

/** Trains to the end, or until a stop after `stopAfter` steps. Retires the ring as the daemon does. */
async function run(
  bench: Bench,
  stopAfter = Number.POSITIVE_INFINITY,
  orders$ = new BehaviorSubject(everything),
  retiring: () => Promise<void> = () => Promise.resolve(),
): Promise<Ran> {
  const snapshots: Snapshot[] = [];
  let steps = 0;
  const ports: TrainPorts = {
    clock: { now: () => 0, elapsed: () => 0 },
    remote: null,
    publish: (shop, scheduled) => {
      const snapshot = takeSnapshot(shop, bench.fixed, { scheduled, configDigest: 'c', starts: noStarts });
      snapshots.push(snapshot);
      return Promise.resolve({ cursor: snapshot.cursor, scheduled } as Manifest);
    },
    summarise: () => ({}) as TrainerSummary,
  };
  const messages$ = train$(bench.shop, ports, orders$).pipe(
    tap((message) => {
      if (message.kind === 'progress' && ++steps === stopAfter)
        orders$.next({ ...orders$.value, stopping: true });
      if (message.kind !== 'generation' || !message.manifest.scheduled) return;
      const { cursor } = message.manifest;
      void retiring().then(() => {
        bench.journal.retire(cursor);
        orders$.next({ ...orders$.value, retired: cursor });
      });
    }),
    toArray(),
  );
  return { messages: await lastValueFrom(messages$), snapshots };
}

const isFinished = ({ messages }: Ran): boolean => messages.at(-1)?.kind === 'finished';

/** Every byte of a snapshot: weights, moments, labels, state. */
const bits = ({ files, lineage, metrics }: Snapshot): unknown => ({
  lineage,
  metrics,
  files: files.map(({ path, bytes }) => [path, createHash('sha256').update(bytes).digest('hex')]),
});

const weightsOf = async (of: readonly Group[]): Promise<Snapshot['weightsSha256']> =>
  (await run(await openBench({ groups: of }))).snapshots.at(-1)!.weightsSha256;

describe('training', () => {
  it('reports its turns in order and snapshots every second cycle and at the end', async () => {
    const { messages, snapshots } = await run(await openBench({ groups }));
    const cycle = ['PRETRAIN', 'FINETUNE', 'SCORE', 'DISTILL', 'EVALUATE'];
    const two = [...cycle, ...cycle, 'SNAPSHOT'];
    expect(messages.flatMap((m) => (m.kind === 'turn' ? m.report.kind : []))).toEqual([...two, ...two]);
    expect(snapshots.map(({ cursor, scheduled }) => [cursor, scheduled])).toEqual([
      [20, true],
      [33, true],
    ]);
    const points = stateOf(snapshots.at(-1)!).curve.map(({ cursor, steps }) => [cursor, steps]);
    expect(points).toEqual([
      [0, 0],
      [10, 8],
      [20, 16],
      [30, 24],
      [33, 31],
    ]);
  });

  it('ends with the same bits after stops at every place in a turn (promises 3 and 4)', async () => {
    const whole = await run(await openBench({ groups }));
    const journal = ringJournal(groups, 4);
    let from: Snapshot | undefined;
    let last: Ran;
    let stops = 0;
    do {
      const bench = await openBench({ groups, journal, ...(from ? { from } : {}) });
      last = await run(bench, 5 + (stops++ % 9));
      from = last.snapshots.at(-1) ?? from;
    } while (!isFinished(last));
    expect(stops).toBeGreaterThan(3);
    expect(bits(from!)).toEqual(bits(whole.snapshots.at(-1)!));
  });

  it('does not depend on how the groups arrive, nor on when the ring is retired (promise 2)', async () => {
    const whole = await run(await openBench({ groups }));
    const orders$ = new BehaviorSubject<Orders>({ ...everything, high: 0, ended: false });
    const trickle = async (): Promise<void> => {
      for (const high of [3, 10, 11, 25, 33]) {
        for (let i = 0; i < 5; i++) await breathe();
        orders$.next({ ...orders$.value, high });
      }
      orders$.next({ ...orders$.value, ended: true });
    };
    const late = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await breathe();
    };
    const [slow] = await Promise.all([
      run(await openBench({ groups }), Number.POSITIVE_INFINITY, orders$, late),
      trickle(),
    ]);
    expect(bits(slow.snapshots.at(-1)!)).toEqual(bits(whole.snapshots.at(-1)!));
  });

  it('saves nothing twice: not on a stop before the first step, nor right after a snapshot', async () => {
    const stopped = new BehaviorSubject<Orders>({ ...everything, stopping: true });
    expect((await run(await openBench({ groups }), 1, stopped)).snapshots).toEqual([]);

    const orders$ = new BehaviorSubject(everything);
    const bench = await openBench({ groups });
    const ran = run({ ...bench, journal: { ...bench.journal, retire: () => stop() } }, 99, orders$);
    const stop = (): void => orders$.next({ ...orders$.value, stopping: true });
    expect((await ran).snapshots.map(({ scheduled }) => scheduled)).toEqual([true]);
  });

  it('never learns from a holdout group: not its clicks, not its words (promise 7)', async () => {
    const others = streamOf(total, (i) =>
      i % 5 === 4
        ? {
            query: 'unheard of',
            results: groupOf(i).results.map((r) => ({ ...r, title: 'zebra', satisfied: true })),
          }
        : {},
    );
    expect(await weightsOf(others)).toEqual(await weightsOf(groups));
    const trained = streamOf(total, (i) => (i === 3 ? { query: 'unheard of' } : {}));
    expect(await weightsOf(trained)).not.toEqual(await weightsOf(groups));
  });
});

describe('a snapshot on request', () => {
  it('says so, and claims no quality: nothing was measured on weights between two steps', async () => {
    const { snapshots } = await run(await openBench({ groups }), 13);
    expect(snapshots).toHaveLength(1);
    expect(snapshots[0]).toMatchObject({ scheduled: false, cursor: 10, metrics: {} });
    expect(stateOf(snapshots[0]!).position).toMatchObject({ turn: 'FINETUNE', retireTo: 0 });
  });
});

const stateOf = ({ files }: Snapshot): TrainerState =>
  decodeState(files.find(({ path }) => path === 'state.json')!.bytes);
