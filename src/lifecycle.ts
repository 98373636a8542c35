// The daemon's states and what may follow what.
//
//   STARTING ──ready──> TRAINING ──finished──> STOPPED
//      │                  │  │
//      │                  │  └──stop──> DRAINING ──finished──> STOPPED
//      │                  │                │
//      └────fail──────────┴────fail────────┴──> FAILED
//
// A source that breaks off is a stop that ends in fail.

export type DaemonState =
  /** The journal is open; the trainer process loads its generation. */
  | 'STARTING'
  /** Ingest and trainer run, each at its own pace. */
  | 'TRAINING'
  /** A stop was asked for, or the source broke off: what is at hand is finished and a snapshot made. */
  | 'DRAINING'
  /** Everything is durable. */
  | 'STOPPED'
  /** The first error won; what was durable before it still is. */
  | 'FAILED';

export type DaemonSignal = 'ready' | 'stop' | 'finished' | 'fail';

const transitions: Readonly<Record<DaemonState, Partial<Record<DaemonSignal, DaemonState>>>> = {
  STARTING: { ready: 'TRAINING', stop: 'DRAINING', fail: 'FAILED' },
  TRAINING: { stop: 'DRAINING', finished: 'STOPPED', fail: 'FAILED' },
  DRAINING: { ready: 'DRAINING', stop: 'DRAINING', finished: 'STOPPED', fail: 'FAILED' },
  STOPPED: {},
  FAILED: {},
};

/** The next state; a signal that has no place in a state leaves it (a late error after STOPPED, say). */
export const next = (state: DaemonState, signal: DaemonSignal): DaemonState =>
  transitions[state][signal] ?? state;

export const isOver = (state: DaemonState): boolean => state === 'STOPPED' || state === 'FAILED';
