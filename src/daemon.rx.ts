// Joins ingest and the trainer process. Acknowledgements travel back only here: what ingest has made durable
// becomes the trainer's supply; what the trainer has made durable frees ring slots for ingest (promise 5). A
// stop drains both sides, within a deadline. So does a source that breaks off, which then fails the run: what
// was read before is in the journal, and what was learnt is kept. A trainer that was given up fails the run
// too: at once, or where ingest is to go on, when the run is stopped. Any other error fails it at once. The
// first error wins.
import {
  BehaviorSubject,
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  filter,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  Subject,
  switchMap,
  takeUntil,
  tap,
  throwError,
} from 'rxjs';
import type { Timer } from './clock.ts';
import type { IngestCounts, JournalStatus, PartitionClock } from './contract.ts';
import { RestillError } from './errors.ts';
import { type DaemonSignal, type DaemonState, isOver, next } from './lifecycle.ts';
import type { TrainerNews } from './protocol.ts';
import { after, type TrainerHandle } from './supervisor.rx.ts';

export interface IngestProgress {
  readonly status: JournalStatus;
  readonly counts: IngestCounts;
  readonly bytesRead: number;
  readonly bytesTotal: number;
  readonly clocks: readonly PartitionClock[];
}

/** Ingest, started by subscribing; completes when the source has ended and everything is durable. */
export interface IngestHandle {
  readonly progress$: Observable<IngestProgress>;
  /** Finishes the transaction at hand, then completes. */
  stop(): void;
}

export interface DaemonParts {
  readonly ingest: IngestHandle;
  readonly trainer: TrainerHandle;
  /** Moves groups before the cursor from the ring into the memory; idempotent. */
  retire(cursor: number): Promise<void>;
  readonly stop$: Observable<unknown>;
  /** What becomes of ingest when the trainer is given up. */
  readonly trainerLost: 'fail' | 'ingest-on';
  /** A stop that takes longer is cut short: the trainer is killed, the run fails. Null: there is none. */
  readonly drainDeadline: { readonly ms: number; readonly timer: Timer } | null;
}

export type DaemonEvent =
  | { readonly kind: 'ingest'; readonly progress: IngestProgress }
  | { readonly kind: 'trainer'; readonly message: TrainerNews }
  /** The trainer was given up, ingest goes on. */
  | { readonly kind: 'lost'; readonly error: unknown }
  | { readonly kind: 'state'; readonly state: DaemonState };

type TrainerEvent = Extract<DaemonEvent, { kind: 'trainer' | 'lost' }>;

/** Runs until both sides are done. Unsubscribing kills the trainer process. */
export function daemon$(parts: DaemonParts): Observable<DaemonEvent> {
  return defer(() => new Daemon(parts).events$());
}

class Daemon {
  readonly #parts: DaemonParts;
  readonly #state$ = new BehaviorSubject<DaemonState>('STARTING');
  readonly #drain$ = new Subject<void>();
  /** What the run will fail with once it is drained. */
  #failure: { readonly error: unknown } | null = null;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
  }

  events$(): Observable<DaemonEvent> {
    const over$ = this.#state$.pipe(filter(isOver));
    const states$ = this.#state$.pipe(map((state): DaemonEvent => ({ kind: 'state', state })));
    const sides$ = merge(this.#ingest$(), this.#trainer$()).pipe(
      tap({ complete: () => this.#signal(this.#failure ? 'fail' : 'finished') }),
    );
    const stop$ = this.#parts.stop$.pipe(
      tap(() => this.#drain()),
      ignoreElements(),
    );
    // Waiting for a signal must not keep a finished daemon alive; nor must a deadline.
    const outside$ = merge(stop$, this.#deadline$()).pipe(takeUntil(over$));
    const work$ = merge(outside$, sides$, states$).pipe(
      catchError((error: unknown) => {
        this.#signal('fail');
        this.#parts.ingest.stop();
        throw this.#failure ? this.#failure.error : error;
      }),
    );
    return concat(
      work$,
      defer(() => (this.#failure ? throwError(() => this.#failure!.error) : EMPTY)),
    );
  }

  #ingest$(): Observable<DaemonEvent> {
    const { ingest, trainer } = this.#parts;
    return ingest.progress$.pipe(
      tap(({ status }) => trainer.send({ kind: 'durable', high: status.high, ended: status.ended })),
      map((progress): DaemonEvent => ({ kind: 'ingest', progress })),
      catchError((error: unknown) => {
        this.#failure ??= { error };
        this.#drain();
        return EMPTY;
      }),
    );
  }

  #trainer$(): Observable<DaemonEvent> {
    return this.#parts.trainer.messages$.pipe(
      map((message): TrainerEvent => ({ kind: 'trainer', message })),
      catchError((error: unknown) => {
        const isDraining = this.#state$.value === 'DRAINING';
        if (this.#parts.trainerLost === 'fail' || isDraining) throw error;
        this.#failure ??= { error };
        return of<TrainerEvent>({ kind: 'lost', error });
      }),
      // One after the other: what a dying trainer said last counts before its successor is heard.
      concatMap(async (event) => {
        if (event.kind === 'trainer') await this.#retire(event.message);
        const { kind } = event.kind === 'trainer' ? event.message : event;
        if (kind === 'ready' || kind === 'died' || kind === 'lost') this.#signal(kind);
        return event;
      }),
    );
  }

  /** Where a message says that the ring may be retired. The trainer waits to be told that it was. */
  async #retire(message: TrainerNews): Promise<void> {
    const cursor = retirement(message);
    if (cursor === null) return;
    await this.#parts.retire(cursor);
    this.#parts.trainer.send({ kind: 'retired', cursor });
  }

  #deadline$(): Observable<never> {
    const { drainDeadline } = this.#parts;
    if (drainDeadline === null) return EMPTY;
    const { ms, timer } = drainDeadline;
    return this.#drain$.pipe(
      switchMap(() => after(ms, timer)),
      map(() => {
        throw drainTimedOut(ms);
      }),
    );
  }

  #drain(): void {
    if (this.#state$.value === 'DRAINING') return;
    this.#signal('stop');
    this.#drain$.next();
    this.#parts.ingest.stop();
    this.#parts.trainer.send({ kind: 'stop' });
  }

  #signal(signal: DaemonSignal): void {
    const state = next(this.#state$.value, signal);
    if (state !== this.#state$.value) this.#state$.next(state);
    if (isOver(state)) this.#state$.complete();
  }
}

/** Up to where a message lets the ring be retired; null when it says nothing of that. */
function retirement(message: TrainerNews): number | null {
  if (message.kind === 'ready') return message.retireTo;
  if (message.kind === 'generation' && message.manifest.scheduled) return message.manifest.cursor;
  return null;
}

const drainTimedOut = (ms: number): RestillError =>
  new RestillError(
    'DRAIN_TIMED_OUT',
    `the stop was not done after ${ms / 1000} s (run.drain_deadline), the trainer was killed; ` +
      'nothing durable is lost, the same command goes on from the last generation',
  );
