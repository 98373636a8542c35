// Acknowledgements cross only here: what is durable becomes supply, what is learnt frees the ring (promise
// 5). A stop drains both sides, within the deadline; a source that breaks off does too, and then fails the
// run; a trainer that is given up fails it at once or, where ingest is to go on, when it is stopped; any
// other error fails it at once. The first error wins, and the trainer process never outlives the daemon.
import { Observable, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { breathe } from '../src/clock.ts';
import type { Manifest } from '../src/contract.ts';
import { type DaemonEvent, type DaemonParts, daemon$, type IngestProgress } from '../src/daemon.rx.ts';
import type { ToTrainer, TrainerNews } from '../src/protocol.ts';
import { noCounts } from '../src/streams/counts.ts';
import { virtualTimer } from './support/virtual-timer.ts';

const progress = (high: number, ended = false): IngestProgress => ({
  status: { low: 0, high, ended, contentHash: '', offsets: {} },
  counts: noCounts(),
  bytesRead: 0,
  bytesTotal: 0,
  clocks: [],
});
const ready: TrainerNews = { kind: 'ready', cursor: 30, retireTo: 20, generation: null, pid: 1 };
const generation = (cursor: number, scheduled: boolean): TrainerNews => ({
  kind: 'generation',
  manifest: { cursor, scheduled } as Manifest,
});

/** A daemon whose two sides are played by the test, and all that comes of it, in order. */
function play(trainerLost: DaemonParts['trainerLost'] = 'fail') {
  const timer = virtualTimer();
  const log: string[] = [];
  const ingest$ = new Subject<IngestProgress>();
  const messages$ = new Subject<TrainerNews>();
  const stop$ = new Subject<void>();
  let gone = false;
  let retirement = { resolve: () => {}, reject: (_: Error) => {} };
  const events$ = daemon$({
    ingest: { progress$: ingest$, stop: () => log.push('ingest: stop') },
    trainer: {
      messages$: new Observable((subscriber) => {
        const subscription = messages$.subscribe(subscriber);
        return () => {
          subscription.unsubscribe();
          gone = true;
        };
      }),
      send: (message: ToTrainer) => log.push(`trainer: ${Object.values(message).join(' ')}`),
      kill: () => {},
    },
    retire: (cursor) => {
      log.push(`retire ${cursor}`);
      return new Promise((resolve, reject) => {
        retirement = { resolve, reject };
      });
    },
    stop$,
    trainerLost,
    drainDeadline: { ms: 100, timer },
  });
  const describeEvent = (event: DaemonEvent): string =>
    event.kind === 'state'
      ? `state: ${event.state}`
      : event.kind === 'trainer'
        ? event.message.kind
        : event.kind;
  events$.subscribe({
    next: (event) => log.push(describeEvent(event)),
    error: (error: Error) => log.push(`failed: ${error.message}`),
    complete: () => log.push('done'),
  });
  /** What has happened since it was asked for last. */
  const news = async (): Promise<string[]> => {
    await breathe();
    return log.splice(0);
  };
  const retired = (): void => retirement.resolve();
  const notRetired = (error: Error): void => retirement.reject(error);
  return { ingest$, messages$, stop$, timer, retired, notRetired, news, isGone: () => gone };
}

describe('the daemon', () => {
  it('hands supply to the trainer and frees the ring by what it has learnt (promise 5)', async () => {
    const { ingest$, messages$, retired, news } = play();
    expect(await news()).toEqual(['state: STARTING']);
    ingest$.next(progress(50));
    expect(await news()).toEqual(['trainer: durable 50 false', 'ingest']);
    messages$.next(ready);
    messages$.next(generation(40, true));
    expect(await news()).toEqual(['retire 20']);
    retired();
    expect(await news()).toEqual(['trainer: retired 20', 'state: TRAINING', 'ready', 'retire 40']);
    retired();
    expect(await news()).toEqual(['trainer: retired 40', 'generation']);
    messages$.next(generation(45, false));
    expect(await news()).toEqual(['generation']);
  });

  it('is done when both sides are', async () => {
    const { ingest$, messages$, retired, news } = play();
    messages$.next(ready);
    await news();
    retired();
    await news();
    ingest$.complete();
    expect(await news()).toEqual([]);
    messages$.complete();
    expect(await news()).toEqual(['state: STOPPED', 'done']);
  });

  it('drains both sides when it is stopped', async () => {
    const { ingest$, messages$, stop$, news } = play();
    stop$.next();
    expect(await news()).toEqual(['state: STARTING', 'state: DRAINING', 'ingest: stop', 'trainer: stop']);
    ingest$.complete();
    messages$.next(generation(12, false));
    messages$.complete();
    expect(await news()).toEqual(['generation', 'state: STOPPED', 'done']);
  });

  it('lets the trainer save what it has learnt when the source breaks off, then fails', async () => {
    const { ingest$, messages$, news } = play();
    ingest$.error(new Error('breaks off'));
    expect(await news()).toEqual(['state: STARTING', 'state: DRAINING', 'ingest: stop', 'trainer: stop']);
    messages$.next(generation(12, false));
    messages$.complete();
    expect(await news()).toEqual(['generation', 'state: FAILED', 'failed: breaks off']);
  });

  it('keeps the first of two errors', async () => {
    const { ingest$, messages$, news } = play();
    ingest$.error(new Error('the disk is full'));
    messages$.error(new Error('cannot snapshot'));
    expect((await news()).filter((line) => line.startsWith('failed'))).toEqual(['failed: the disk is full']);
  });

  it('fails at once when the trainer dies, and stops reading', async () => {
    const { ingest$, messages$, news } = play();
    ingest$.next(progress(50));
    await news();
    messages$.error(new Error('killed'));
    expect(await news()).toEqual(['ingest: stop', 'failed: killed']);
    expect(ingest$.observed).toBe(false);
  });

  it('fails when the ring cannot be retired, and takes the trainer with it', async () => {
    const { messages$, notRetired, news, isGone } = play();
    messages$.next(ready);
    await news();
    expect(isGone()).toBe(false);
    notRetired(new Error('disk'));
    expect(await news()).toEqual(['ingest: stop', 'failed: disk']);
    expect(isGone()).toBe(true);
  });

  it('goes on reading while a trainer is started again', async () => {
    const { ingest$, messages$, retired, news } = play('ingest-on');
    messages$.next(ready);
    await news();
    retired();
    await news();
    messages$.next({ kind: 'died', code: 'TRAINER_DIED', message: '', deaths: 1, restartInMs: 10 });
    ingest$.next(progress(70));
    expect(await news()).toEqual(['trainer: durable 70 false', 'ingest', 'state: RECOVERING', 'died']);
    messages$.next(ready);
    await news();
    retired();
    expect(await news()).toEqual(['trainer: retired 20', 'state: TRAINING', 'ready']);
  });

  it('goes on reading without a trainer, and fails with why when it is stopped', async () => {
    const { ingest$, messages$, stop$, news } = play('ingest-on');
    messages$.error(new Error('given up'));
    expect(await news()).toEqual(['state: STARTING', 'state: DEGRADED', 'lost']);
    ingest$.next(progress(70));
    expect(await news()).toEqual(['trainer: durable 70 false', 'ingest']);
    stop$.next();
    expect(await news()).toEqual(['state: DRAINING', 'ingest: stop', 'trainer: stop']);
    ingest$.complete();
    expect(await news()).toEqual(['state: FAILED', 'failed: given up']);
  });

  it('hears a generation before the death of the trainer that made it', async () => {
    const { messages$, retired, news } = play('ingest-on');
    messages$.next(generation(40, true));
    messages$.error(new Error('given up'));
    expect(await news()).toEqual(['state: STARTING', 'retire 40']);
    retired();
    expect(await news()).toEqual(['trainer: retired 40', 'generation', 'state: DEGRADED', 'lost']);
  });

  it('fails at once when the ring cannot be retired, also where ingest could go on', async () => {
    const { messages$, notRetired, news } = play('ingest-on');
    messages$.next(ready);
    await news();
    notRetired(new Error('disk'));
    expect(await news()).toEqual(['ingest: stop', 'failed: disk']);
  });

  it('does not wait longer than the deadline for a stop, and takes the trainer with it', async () => {
    const { stop$, ingest$, timer, news, isGone } = play();
    stop$.next();
    ingest$.complete();
    await news();
    timer.advance(99);
    expect(await news()).toEqual([]);
    timer.advance(1);
    const failed = await news();
    expect(failed.at(-1)).toMatch(/^failed: the stop was not done after 0.1 s/);
    expect(isGone()).toBe(true);
  });

  it('leaves no deadline behind', async () => {
    const { stop$, ingest$, messages$, timer, news } = play();
    stop$.next();
    expect(timer.waiting).toBe(1);
    ingest$.complete();
    messages$.complete();
    expect((await news()).at(-1)).toBe('done');
    expect(timer.waiting).toBe(0);
  });

  it('drains once, however often it is told to', async () => {
    const { stop$, ingest$, timer, news } = play();
    stop$.next();
    await news();
    timer.advance(60);
    stop$.next();
    ingest$.error(new Error('breaks off'));
    expect(await news()).toEqual([]);
    timer.advance(40);
    expect((await news()).at(-1)).toBe('failed: breaks off');
  });

  it('holds the deadline also where the source breaks off before it was read', async () => {
    const timer = virtualTimer();
    const ends: string[] = [];
    const messages$ = new Subject<TrainerNews>();
    daemon$({
      ingest: { progress$: throwError(() => new Error('no broker')), stop: () => {} },
      trainer: { messages$, send: () => {}, kill: () => {} },
      retire: () => Promise.resolve(),
      ...{ stop$: new Subject(), trainerLost: 'fail', drainDeadline: { ms: 100, timer } },
    }).subscribe({ error: (error: Error) => ends.push(error.message) });
    timer.advance(100);
    expect(ends).toEqual(['no broker']);
  });

  it('does not wait for ingest when the trainer dies in a stop', async () => {
    const { stop$, messages$, news } = play('ingest-on');
    stop$.next();
    await news();
    messages$.error(new Error('killed'));
    expect(await news()).toEqual(['ingest: stop', 'failed: killed']);
  });
});
