// Ctrl-C and SIGTERM of a command that runs until it is told to stop: the first is an orderly stop, at the
// second nothing is waited for.
import {
  asapScheduler,
  fromEvent,
  merge,
  type Observable,
  observeOn,
  ReplaySubject,
  Subject,
  takeUntil,
} from 'rxjs';

export interface Signals {
  /** Emits once, also to who subscribes after the signal. */
  readonly stop$: Observable<unknown>;
  /** Emits at each further signal. */
  readonly leave$: Observable<unknown>;
  close(): void;
}

/** To be opened first: a signal that comes while a command starts counts, too. */
export function openSignals(): Signals {
  const over$ = new Subject<void>();
  const stop$ = new ReplaySubject<unknown>(1);
  const leave$ = new Subject<unknown>();
  let signals = 0;
  merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM'))
    .pipe(takeUntil(over$))
    .subscribe((signal) => (signals++ === 0 ? stop$ : leave$).next(signal));
  // Not while somebody is still subscribing: what is to be stopped must have begun.
  return { stop$: stop$.pipe(observeOn(asapScheduler)), leave$, close: () => over$.next() };
}
