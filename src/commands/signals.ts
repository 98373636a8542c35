// Ctrl-C and SIGTERM of a command that runs until it is told to stop: the first is an orderly stop, at the
// second nothing is waited for.
import { fromEvent, merge, type Observable, Subject, share, take, takeUntil } from 'rxjs';

export interface Signals {
  /** Emits once. */
  readonly stop$: Observable<unknown>;
  /** Emits at each further signal. */
  readonly leave$: Observable<unknown>;
  close(): void;
}

export function openSignals(): Signals {
  const over$ = new Subject<void>();
  const signals$ = merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM')).pipe(
    takeUntil(over$),
    share(),
  );
  // Subscribed to at once: a signal is not to be lost because nobody listens yet.
  const stop$ = new Subject<unknown>();
  const leave$ = new Subject<unknown>();
  let signals = 0;
  signals$.subscribe((signal) => (signals++ === 0 ? stop$ : leave$).next(signal));
  return { stop$: stop$.pipe(take(1)), leave$, close: () => over$.next() };
}
