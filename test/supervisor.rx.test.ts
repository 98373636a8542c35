// A trainer that dies is followed by another one after the back-off, which is told what is durable; messages
// come through in order, with `died` in between. After a stop nothing is started. What is given up says why.
// Unsubscribing kills what runs and calls off what waits.
import { Observable, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { RestillError } from '../src/errors.ts';
import type { FromTrainer, ToTrainer } from '../src/protocol.ts';
import { superviseTrainer } from '../src/supervisor.rx.ts';
import { virtualTimer } from './support/virtual-timer.ts';

const policy = { restartsMax: 2, restartsWindow: 60_000, backoffMin: 1000, backoffMax: 8000 };
const ready: FromTrainer = { kind: 'ready', cursor: 0, retireTo: 0, generation: null, pid: 1 };
const killed = new RestillError('TRAINER_DIED', 'killed by SIGKILL');

/** A supervisor whose trainer processes are played by the test, and all that happens, in order. */
function play(restartsMax = policy.restartsMax) {
  const timer = virtualTimer();
  const log: string[] = [];
  const processes: Subject<FromTrainer>[] = [];
  const trainer = superviseTrainer({
    start: () => {
      const messages$ = new Subject<FromTrainer>();
      const number = processes.push(messages$);
      log.push(`start ${number}`);
      return {
        messages$: new Observable((subscriber) => {
          const subscription = messages$.subscribe(subscriber);
          return () => {
            subscription.unsubscribe();
            log.push(`gone ${number}`);
          };
        }),
        send: (message: ToTrainer) => log.push(`${number} < ${Object.values(message).join(' ')}`),
        kill: () => log.push(`kill ${number}`),
      };
    },
    policy: { ...policy, restartsMax },
    timer,
  });
  const subscription = trainer.messages$.subscribe({
    next: (message) =>
      log.push(message.kind === 'died' ? `died ${message.code} ${message.restartInMs}` : message.kind),
    error: (error: RestillError) => log.push(`error ${error.code}: ${error.message}`),
    complete: () => log.push('complete'),
  });
  const news = (): string[] => log.splice(0);
  return { timer, trainer, processes, subscription, news };
}

describe('the supervisor', () => {
  it('starts another one after the back-off, and tells it what is durable', () => {
    const { timer, trainer, processes, news } = play();
    processes[0]!.next(ready);
    trainer.send({ kind: 'durable', high: 10, ended: false });
    trainer.send({ kind: 'durable', high: 20, ended: true });
    expect(news()).toEqual(['start 1', 'ready', '1 < durable 10 false', '1 < durable 20 true']);
    processes[0]!.error(killed);
    expect(news()).toEqual(['gone 1', 'died TRAINER_DIED 1000']);
    trainer.send({ kind: 'durable', high: 30, ended: true });
    timer.advance(999);
    expect(news()).toEqual([]);
    timer.advance(1);
    expect(news()).toEqual(['start 2', '2 < durable 30 true']);
    processes[1]!.next(ready);
    processes[1]!.error(killed);
    timer.advance(2000);
    expect(news()).toEqual(['ready', 'gone 2', 'died TRAINER_DIED 2000', 'start 3', '3 < durable 30 true']);
  });

  it('completes with the process that leaves in good order', () => {
    const { processes, timer, news } = play();
    processes[0]!.complete();
    expect(news()).toEqual(['start 1', 'gone 1', 'complete']);
    timer.advance(1e6);
    expect(news()).toEqual([]);
  });

  it('completes with a process that leaves in good order after others have died', () => {
    const { processes, timer, news } = play();
    processes[0]!.error(killed);
    timer.advance(1000);
    processes[1]!.complete();
    expect(news().slice(-2)).toEqual(['gone 2', 'complete']);
    timer.advance(1e6);
    expect(processes.length).toBe(2);
  });

  it('gives up after restarts_max, with the last cause', () => {
    const { timer, processes, news } = play();
    for (const wait of [1000, 2000]) {
      processes.at(-1)!.error(killed);
      timer.advance(wait);
    }
    news();
    processes[2]!.error(new RestillError('NON_FINITE', 'diverged'));
    const [last] = news().filter((line) => line.startsWith('error'));
    expect(last).toMatch(/^error TRAINER_GIVEN_UP: .*died 3 times .* allows 2;.*NON_FINITE: diverged$/);
    expect(processes.length).toBe(3);
  });

  it('gives up at once what the process before has met at the same group', () => {
    const { timer, processes, news } = play(5);
    const diverged = () => new RestillError('NON_FINITE', 'distill: diverged');
    const progress = { kind: 'progress', turn: 'DISTILL', cursor: 40, done: 1, of: 2 } as const;
    for (const [cursor, wait] of [
      [20, 1000],
      [40, 2000],
    ] as const) {
      processes.at(-1)!.next(ready);
      processes.at(-1)!.next({ ...progress, cursor });
      processes.at(-1)!.error(diverged());
      timer.advance(wait);
    }
    processes[2]!.next(progress);
    news();
    processes[2]!.error(diverged());
    expect(news()[0]).toMatch(/^error TRAINER_STUCK: .*at group 40 again.*NON_FINITE: distill: diverged$/);
    expect(processes.length).toBe(3);
  });

  it('passes on what a new process would meet too', () => {
    const { processes, timer, news } = play();
    processes[0]!.error(new RestillError('JOURNAL_DAMAGED', 'checksum'));
    expect(news()).toEqual(['start 1', 'error JOURNAL_DAMAGED: checksum', 'gone 1']);
    expect(timer.waiting).toBe(0);
  });

  it('passes the death on as it is where no restart is allowed', () => {
    const { processes, news } = play(0);
    processes[0]!.error(killed);
    expect(news()).toContain('error TRAINER_DIED: killed by SIGKILL');
  });

  it('starts nothing after a stop: during the wait it is over at once', () => {
    const { timer, trainer, processes, news } = play();
    processes[0]!.error(killed);
    news();
    trainer.send({ kind: 'stop' });
    expect(news()).toEqual(['complete']);
    expect(timer.waiting).toBe(0);
  });

  it('starts nothing when the stop came first', () => {
    const start = (): never => {
      throw new Error('started');
    };
    const trainer = superviseTrainer({ start, policy, timer: virtualTimer() });
    trainer.send({ kind: 'stop' });
    const ends: string[] = [];
    trainer.messages$.subscribe({ error: () => ends.push('error'), complete: () => ends.push('complete') });
    expect(ends).toEqual(['complete']);
  });

  it('passes on a death after a stop', () => {
    const { trainer, processes, news } = play();
    trainer.send({ kind: 'stop' });
    processes[0]!.error(killed);
    expect(news()).toEqual(['start 1', '1 < stop', 'error TRAINER_DIED: killed by SIGKILL', 'gone 1']);
  });

  it('kills what runs and calls off what waits when nobody listens any more', () => {
    const first = play();
    first.subscription.unsubscribe();
    expect(first.news()).toEqual(['start 1', 'gone 1']);
    const second = play();
    second.processes[0]!.error(killed);
    second.subscription.unsubscribe();
    expect(second.timer.waiting).toBe(0);
  });

  it('does not grow with the number of restarts', () => {
    const { timer, processes, news } = play();
    for (let i = 0; i < 500; i++) {
      processes.at(-1)!.error(killed);
      timer.advance(policy.restartsWindow);
    }
    expect(processes.length).toBe(501);
    expect(news().filter((line) => line.startsWith('gone')).length).toBe(500);
  });
});
