// The console of a process that has a data directory: what it shows of the generations on disk, and what an
// operator may do to them there.
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { previouslyLive } from '../checkpoint/audit.ts';
import { Desk } from '../checkpoint/desk.fs.ts';
import { openStore } from '../checkpoint/store.fs.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { consoleRoutes } from '../console/console.http.ts';
import { readPage } from '../console/page.fs.ts';
import type { ConsoleParts, Operator, Shelf } from '../console/ports.ts';
import type { GenerationStore, Manifest } from '../contract.ts';
import type { CurvePoint } from '../protocol.ts';
import { decodeState } from '../trainer/state.ts';
import { readOperatorToken } from './secrets.ts';

export interface ConsoleOptions
  extends Pick<
    ConsoleParts,
    'server' | 'version' | 'board' | 'refresh' | 'readiness' | 'serving' | 'scorer' | 'readerToken'
  > {
  readonly config: Config['admin'];
  /** The data directory. */
  readonly data: string;
}

/** What registers the console with a server. @throws RestillError SECRET_UNREADABLE */
export async function openConsole(
  options: ConsoleOptions,
): Promise<(server: FastifyInstance) => Promise<void>> {
  const { config, data, ...parts } = options;
  const directory = join(data, 'generations');
  return consoleRoutes({
    ...parts,
    page: await readPage(),
    shelf: await shelfOf(directory),
    operator: await operatorOf(config, directory),
    elapsed: systemClock.elapsed,
  });
}

async function shelfOf(directory: string): Promise<() => Promise<Shelf>> {
  const store = await openStore({ directory, clock: systemClock, access: 'read', onUnusable: () => {} });
  const desk = new Desk({ directory, store, clock: systemClock });
  let newest: Manifest | null = null;
  let curve: readonly CurvePoint[] = [];
  return async () => {
    const [live, manifests, { entries }] = [await store.live(), await store.list(), await desk.audit()];
    const latest = manifests.at(-1) ?? null;
    // Of another version, or damaged: the generations without a curve are better than neither.
    if (latest?.id !== newest?.id)
      curve = latest === null ? [] : await curveOf(store, directory, latest).catch(() => []);
    newest = latest;
    return { live, before: previouslyLive(entries, live), manifests, curve };
  };
}

/**
 * Of one file the digest is checked, not of all the weights beside it: `store.open` would read gigabytes so
 * that a page can draw a line.
 */
async function curveOf(store: GenerationStore, directory: string, manifest: Manifest) {
  const bytes = await store.read({ manifest, directory: join(directory, manifest.id) }, 'state.json');
  return decodeState(bytes).curve;
}

async function operatorOf(config: Config['admin'], directory: string): Promise<Operator> {
  const token = readOperatorToken(config);
  if (token === null)
    return {
      closed: 'no admin.token is configured (restill generations promote and rollback do it, too)',
    };
  // One for all deeds: its moves wait for each other. The directory need not be there yet.
  const options = { directory, clock: systemClock };
  const store = await openStore({ ...options, access: 'operate', onUnusable: () => {} });
  const desk = new Desk({ ...options, store });
  return {
    token,
    desk: {
      promote: async (id, { who, why }) => void (await desk.promote(id, { by: who, reason: why })),
      rollback: async ({ who, why }) => void (await desk.rollback({ by: who, reason: why })),
    },
  };
}
