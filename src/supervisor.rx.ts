// Keeps a trainer process alive: one that dies is started again from the last generation, after a back-off
// that grows (restarts.ts decides). To the daemon the successive processes look like one trainer; between two
// of them it hears `died`.
import { catchError, defer, EMPTY, Observable, of, repeat, Subject, takeUntil, tap } from 'rxjs';
import type { Timer } from './clock.ts';
import { RestillError } from './errors.ts';
import type { FromTrainer, ToTrainer, TrainerNews } from './protocol.ts';
import { type Death, decideRestart, isRepeated, type RestartPolicy } from './restarts.ts';

/** A trainer process as its daemon sees it. */
export interface TrainerHandle<Message = TrainerNews> {
  /** Completes when the process has left in good order; errors when it died. Unsubscribing kills it. */
  readonly messages$: Observable<Message>;
  send(message: ToTrainer): void;
  kill(): void;
}

export interface Supervision {
  /** Starts a process. It is told what is durable, as its predecessor was. */
  start(): TrainerHandle<FromTrainer>;
  readonly policy: RestartPolicy;
  readonly timer: Timer;
}

/**
 * Starts the first process when `messages$` is subscribed to, once. Its error, when the trainer is given up:
 * what a new process would meet too, TRAINER_GIVEN_UP or TRAINER_STUCK. After `stop` nothing is started any
 * more, and a death is passed on.
 */
export function superviseTrainer(supervision: Supervision): TrainerHandle {
  const supervisor = new Supervisor(supervision);
  return {
    messages$: supervisor.messages$,
    send: (message) => supervisor.send(message),
    kill: () => supervisor.kill(),
  };
}

/** Emits once after `ms`; unsubscribing calls it off. */
export const after = (ms: number, timer: Timer): Observable<void> =>
  new Observable((subscriber) =>
    timer.after(ms, () => {
      subscriber.next();
      subscriber.complete();
    }),
  );

class Supervisor {
  readonly messages$: Observable<TrainerNews>;
  readonly #supervision: Supervision;
  #trainer: TrainerHandle<FromTrainer> | null = null;
  /** The newest supply the daemon told of: a new process needs it too. */
  #supply: ToTrainer | null = null;
  #deathsMs: readonly number[] = [];
  #death: Death | null = null;
  /** Of the process at hand, as far as it has said. */
  #cursor: number | null = null;
  /** Null when the process at hand is the last one. */
  #restartInMs: number | null = null;
  #stopping = false;
  readonly #stop$ = new Subject<void>();

  constructor(supervision: Supervision) {
    this.#supervision = supervision;
    // A stop during the wait ends it, and with it everything.
    const wait = (): Observable<unknown> =>
      this.#restartInMs === null
        ? EMPTY
        : after(this.#restartInMs, supervision.timer).pipe(takeUntil(this.#stop$));
    this.messages$ = defer(() => this.#life()).pipe(repeat({ delay: wait }));
  }

  send(message: ToTrainer): void {
    if (message.kind === 'durable') this.#supply = message;
    this.#trainer?.send(message);
    if (message.kind !== 'stop') return;
    this.#stopping = true;
    this.#stop$.next();
  }

  kill(): void {
    this.#trainer?.kill();
  }

  /** One process from start to end. */
  #life(): Observable<TrainerNews> {
    this.#restartInMs = null;
    this.#cursor = null;
    if (this.#stopping) return EMPTY;
    const trainer = this.#supervision.start();
    this.#trainer = trainer;
    if (this.#supply) trainer.send(this.#supply);
    return trainer.messages$.pipe(
      tap((message) => {
        this.#cursor = cursorIn(message) ?? this.#cursor;
      }),
      catchError((error: unknown) => of(this.#mourn(error))),
    );
  }

  /** @throws when there will be no other. */
  #mourn(error: unknown): TrainerNews {
    this.#trainer = null;
    const { timer, policy } = this.#supervision;
    if (this.#stopping) throw error;
    const death = { error, cursor: this.#cursor };
    const repeated = isRepeated(death, this.#death);
    this.#death = death;
    const decision = decideRestart(this.#deathsMs, { nowMs: timer.elapsed(), error, repeated }, policy);
    if (decision.kind === 'give-up') throw ends[decision.reason](death, policy);
    this.#deathsMs = decision.deathsMs;
    this.#restartInMs = decision.delayMs;
    const { code, message } = error as RestillError;
    return { kind: 'died', code, message, deaths: decision.deathsMs.length, restartInMs: decision.delayMs };
  }
}

/** How far the trainer has learnt; null where a message says nothing of it. */
function cursorIn(message: FromTrainer): number | null {
  if (message.kind === 'turn') return message.report.cursor;
  return message.kind === 'ready' || message.kind === 'progress' ? message.cursor : null;
}

const ends = {
  hopeless: ({ error }: Death) => error,
  repeated: stuck,
  'too-often': ({ error }: Death, policy: RestartPolicy) => givenUp(error, policy),
};

function stuck({ error, cursor }: Death): RestillError {
  const { code, message } = error as RestillError;
  return new RestillError(
    'TRAINER_STUCK',
    `the trainer process met the same failure at group ${cursor} again, as the next one would; ` +
      `remove the cause, then start restill again. It is ${code}: ${message}`,
    { cause: error },
  );
}

function givenUp(cause: unknown, { restartsMax, restartsWindow }: RestartPolicy): unknown {
  if (restartsMax === 0) return cause;
  const { code, message } = cause as RestillError;
  return new RestillError(
    'TRAINER_GIVEN_UP',
    `the trainer process died ${restartsMax + 1} times within ${restartsWindow / 1000} s, ` +
      `trainer.restarts_max allows ${restartsMax}; remove the cause, then start restill again: it goes on ` +
      `from the last generation. The last time: ${code}: ${message}`,
    { cause },
  );
}
