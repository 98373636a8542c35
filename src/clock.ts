/** The one place that reads the wall clock. Nothing that decides about training may use it (promise 2). */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary origin; never goes back. */
  elapsed(): number;
}

/** A clock that can also wait. */
export interface Timer extends Clock {
  /** Calls back once, after `ms` milliseconds or later. @returns what calls it off. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Timer = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Lets the event loop run (messages, signals) between two blocking TensorFlow calls. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
