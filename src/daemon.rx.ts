// Joins ingest and the trainer process. Acknowledgements travel back only here: what ingest has made durable
// becomes the trainer's supply; what the trainer has made durable frees ring slots for ingest (promise 5). A
// stop drains both sides. So does a source that breaks off, which then fails the run: what was read before is
// in the journal, and what was learnt is kept. Any other error fails it at once. The first error wins.
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
  takeUntil,
  tap,
  throwError,
} from 'rxjs';
import type { IngestCounts, JournalStatus } from './contract.ts';
import { type DaemonState, isOver, next } from './lifecycle.ts';
import type { FromTrainer, ToTrainer } from './protocol.ts';

export interface IngestProgress {
  readonly status: JournalStatus;
  readonly counts: IngestCounts;
  readonly bytesRead: number;
  readonly bytesTotal: number;
}

/** Ingest, started by subscribing; completes when the source has ended and everything is durable. */
export interface IngestHandle {
  readonly progress$: Observable<IngestProgress>;
  /** Finishes the transaction at hand, then completes. */
  stop(): void;
}

export interface TrainerHandle {
  /** Completes when the process has left in good order; errors when it died. Unsubscribing kills it. */
  readonly messages$: Observable<FromTrainer>;
  send(message: ToTrainer): void;
  kill(): void;
}

export interface DaemonParts {
  readonly ingest: IngestHandle;
  readonly trainer: TrainerHandle;
  /** Moves groups before the cursor from the ring into the memory; idempotent. */
  retire(cursor: number): Promise<void>;
  readonly stop$: Observable<unknown>;
}

export type DaemonEvent =
  | { readonly kind: 'ingest'; readonly progress: IngestProgress }
  | { readonly kind: 'trainer'; readonly message: FromTrainer }
  | { readonly kind: 'state'; readonly state: DaemonState };

/** Runs until both sides are done. Unsubscribing kills the trainer process. */
export function daemon$(parts: DaemonParts): Observable<DaemonEvent> {
  const state$ = new BehaviorSubject<DaemonState>('STARTING');
  const signal = (name: Parameters<typeof next>[1]): void => {
    const after = next(state$.value, name);
    if (after !== state$.value) state$.next(after);
    if (isOver(after)) state$.complete();
  };
  const drain = (): void => {
    signal('stop');
    parts.ingest.stop();
    parts.trainer.send({ kind: 'stop' });
  };
  let brokenOff: { readonly error: unknown } | null = null;

  const ingest$ = parts.ingest.progress$.pipe(
    tap(({ status }) => parts.trainer.send({ kind: 'durable', high: status.high, ended: status.ended })),
    map((progress): DaemonEvent => ({ kind: 'ingest', progress })),
    catchError((error: unknown) => {
      brokenOff = { error };
      drain();
      return EMPTY;
    }),
  );

  const trainer$ = parts.trainer.messages$.pipe(
    concatMap(async (message): Promise<DaemonEvent> => {
      const retireTo = retirement(message);
      if (retireTo !== null) {
        await parts.retire(retireTo);
        parts.trainer.send({ kind: 'retired', cursor: retireTo });
      }
      if (message.kind === 'ready') signal('ready');
      return { kind: 'trainer', message };
    }),
    tap({ complete: () => signal(brokenOff ? 'fail' : 'finished') }),
  );

  const stop$ = parts.stop$.pipe(tap(drain), ignoreElements());

  // Waiting for a signal must not keep a finished daemon alive.
  const over$ = state$.pipe(filter(isOver));
  const states$ = state$.pipe(map((state): DaemonEvent => ({ kind: 'state', state })));
  const work$ = merge(ingest$, trainer$, stop$.pipe(takeUntil(over$)), states$).pipe(
    catchError((error: unknown) => {
      signal('fail');
      parts.ingest.stop();
      throw brokenOff ? brokenOff.error : error;
    }),
  );
  return concat(
    work$,
    defer(() => (brokenOff ? throwError(() => brokenOff!.error) : EMPTY)),
  );
}

/** Up to where a message lets the ring be retired; null when it says nothing of that. */
function retirement(message: FromTrainer): number | null {
  if (message.kind === 'ready') return message.retireTo;
  if (message.kind === 'generation' && message.manifest.scheduled) return message.manifest.cursor;
  return null;
}
