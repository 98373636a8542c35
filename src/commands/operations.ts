// What a long-running command shows of itself: figures, readiness, log, and the admin server that serves the
// first two.
import { join } from 'node:path';
import { type Admin, openAdmin } from '../admin.http.ts';
import { Board } from '../board.ts';
import { openStore } from '../checkpoint/store.fs.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { DeadLetter, GenerationId, GenerationStore } from '../contract.ts';
import type { DaemonEvent } from '../daemon.rx.ts';
import { RestillError } from '../errors.ts';
import { Health } from '../readiness.ts';
import type { LiveNotice } from '../streams/live.ts';
import type { Log } from '../telemetry.ts';
import { openConsole } from './console.ts';
import { logDaemon } from './log-daemon.ts';
import { Observer, observeDeadLetters, observeLive, type PartitionStanding } from './observe.ts';

export interface OperationsOptions {
  readonly config: Config;
  /** The data directory. */
  readonly data: string;
  readonly log: Log;
  /** Of restill. */
  readonly version: string;
  /** Where the partitions stand; asked when somebody reads the metrics. */
  readonly partitions: () => readonly PartitionStanding[];
}

export interface Operations {
  /** For figures and obstacles that the daemon's events do not tell. */
  readonly board: Board;
  readonly health: Health;
  /** Null when the configuration wants no server. */
  readonly address: string | null;
  /** To be told of every event of the daemon. */
  follow(event: DaemonEvent): void;
  /** Counts what goes to the dead letters. */
  countDeadLetters(letters: readonly DeadLetter[]): void;
  close(): Promise<void>;
}

/** @throws RestillError LISTEN_FAILED */
export async function openOperations(options: OperationsOptions): Promise<Operations> {
  const { config, data, log, version, partitions } = options;
  const board = new Board();
  const health = new Health();
  const observer = new Observer({ board, health, ringMax: config.journal.ringMax });
  const followLive = await liveFollower(join(data, 'generations'), { board, health });
  const refresh = (): Promise<void> => {
    observer.partitions(partitions());
    return followLive();
  };
  board.set('restill_build_info', 1, { version });
  const readiness = () => health.readiness();
  const pages = await openConsole({
    ...{ server: 'run', config: config.admin, data, version, board, refresh, readiness },
    ...{ serving: null, scorer: null, readerToken: null },
  });
  const admin: Admin = await openAdmin({
    ...{ config: config.admin, board, health, timer: systemClock, refresh, pages },
  });
  if (admin.address !== null) log.info('admin.listening', { address: admin.address });
  return {
    board,
    health,
    address: admin.address,
    follow: (event) => {
      observer.follow(event);
      logDaemon(event, log);
    },
    countDeadLetters: (letters) => observeDeadLetters(letters, board),
    close: () => admin.close(),
  };
}

/** A broker that stays away stands in the way of what a process is there for; so does a restless group. */
export function showContact(found: LiveNotice, { health }: Pick<Operations, 'health'>): void {
  if (found.kind === 'away') health.report('source', new RestillError('KAFKA_UNREACHABLE', found.message));
  if (found.kind === 'back') health.report('source', null);
  if (found.kind === 'unsettled') health.report('group', new RestillError('KAFKA_UNSETTLED', found.message));
  if (found.kind === 'joined') health.report('group', null);
}

/**
 * Looks which generation serves: an operator may have moved the pointer, so the trainer's messages are not
 * enough. Manifests are read when it has moved only.
 */
async function liveFollower(
  directory: string,
  { board, health }: { board: Board; health: Health },
): Promise<() => Promise<void>> {
  const store = await openStore({ directory, clock: systemClock, access: 'read', onUnusable: () => {} });
  let shown: GenerationId | null = null;
  return async () => {
    try {
      const live = await store.live();
      if (live !== shown) observeLive(await manifestOf(store, live), board);
      shown = live;
      health.report('live', null);
    } catch (error) {
      health.report('live', error);
    }
  };
}

const manifestOf = async (store: GenerationStore, id: GenerationId | null) =>
  (await store.list()).find((manifest) => manifest.id === id) ?? null;
