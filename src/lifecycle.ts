// The daemon's states and what may follow what.
//
//   STARTING ──ready──> TRAINING ──finished──> STOPPED
//                        │    ^
//                      died  ready
//                        v    │
//                      RECOVERING
//
//   STARTING, TRAINING, RECOVERING ──lost──> DEGRADED
//   each of these four ──stop──> DRAINING ──finished──> STOPPED
//   each of these five ──fail──> FAILED
//
// A trainer that dies in STARTING or DRAINING leaves the state as it is. A source that breaks off is a stop
// that ends in fail; so is a stop in DEGRADED.

export type DaemonState =
  /** The journal is open; the trainer process loads its generation. */
  | 'STARTING'
  /** Ingest and trainer run, each at its own pace. */
  | 'TRAINING'
  /** The trainer process died and is being started again; ingest goes on. */
  | 'RECOVERING'
  /** The trainer was given up; ingest goes on until the ring is full. */
  | 'DEGRADED'
  /** A stop was asked for, or the source broke off: what is at hand is finished and a snapshot made. */
  | 'DRAINING'
  /** Everything is durable. */
  | 'STOPPED'
  /** The first error won; what was durable before it still is. */
  | 'FAILED';

export type DaemonSignal = 'ready' | 'died' | 'lost' | 'stop' | 'finished' | 'fail';

const transitions: Readonly<Record<DaemonState, Partial<Record<DaemonSignal, DaemonState>>>> = {
  STARTING: { ready: 'TRAINING', lost: 'DEGRADED', stop: 'DRAINING', fail: 'FAILED' },
  TRAINING: { died: 'RECOVERING', lost: 'DEGRADED', stop: 'DRAINING', finished: 'STOPPED', fail: 'FAILED' },
  RECOVERING: { ready: 'TRAINING', lost: 'DEGRADED', stop: 'DRAINING', fail: 'FAILED' },
  DEGRADED: { stop: 'DRAINING', fail: 'FAILED' },
  DRAINING: { finished: 'STOPPED', fail: 'FAILED' },
  STOPPED: {},
  FAILED: {},
};

/** In the order of the diagram. */
export const daemonStates = Object.keys(transitions) as readonly DaemonState[];

/** The next state; a signal that has no place in a state leaves it (a late error after STOPPED, say). */
export const next = (state: DaemonState, signal: DaemonSignal): DaemonState =>
  transitions[state][signal] ?? state;

export const isOver = (state: DaemonState): boolean => state === 'STOPPED' || state === 'FAILED';
