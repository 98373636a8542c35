// Looks when something changes in a directory, and now and then even if the file system tells nothing: over
// the network it often does not.
import { type FSWatcher, watch } from 'node:fs';
import type { Timer } from '../clock.ts';

export interface FollowOptions {
  readonly directory: string;
  readonly pollMs: number;
  readonly timer: Timer;
  /** Not called again before its promise is settled; must not reject. */
  readonly look: () => Promise<void>;
}

export interface Follower {
  /** Looks once more where it is looking now. Resolves when that is done. */
  look(): Promise<void>;
  /** After a look that is under way. */
  close(): Promise<void>;
}

/** The directory may be missing yet, and may go. The first look begins at once. */
export function follow({ directory, pollMs, timer, look }: FollowOptions): Follower {
  let closed = false;
  let watcher: FSWatcher | null = null;
  let cancelPoll = (): void => {};
  let looking: Promise<void> | null = null;
  /** Something changed while it looked: what it saw may be old. */
  let again = false;

  const lookOnce = async (): Promise<void> => {
    do {
      again = false;
      await look();
    } while (again && !closed);
  };
  const nudge = (): Promise<void> => {
    if (closed) return looking ?? Promise.resolve();
    if (looking) again = true;
    else looking = lookOnce().finally(() => (looking = null));
    return looking;
  };
  const forget = (): void => {
    watcher?.close();
    watcher = null;
  };
  const poll = (): void => {
    watcher ??= tryWatch(directory, () => void nudge(), forget);
    void nudge();
    cancelPoll = timer.after(pollMs, poll);
  };
  poll();
  return {
    look: nudge,
    async close() {
      closed = true;
      cancelPoll();
      forget();
      await looking;
    },
  };
}

/** Null where it cannot: then the poll sees what there is, and tries again. */
function tryWatch(directory: string, onChange: () => void, onEnd: () => void): FSWatcher | null {
  try {
    const watcher = watch(directory, onChange);
    watcher.on('error', onEnd);
    return watcher;
  } catch {
    return null; // No such directory yet, or no watches left: polling does.
  }
}
