/** The one place that reads the wall clock. Nothing that decides about training may use it (promise 2). */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary origin; never goes back. */
  elapsed(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
};

/** Lets the event loop run (messages, signals) between two blocking TensorFlow calls. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
