// How commands look at the generations of a data directory that another process may be writing: they only
// read, but for the few that move the live pointer.
import { join } from 'node:path';
import type { Command } from 'commander';
import { Desk } from '../checkpoint/desk.fs.ts';
import { generationsIn, parseGenerationId } from '../checkpoint/generation.ts';
import { openStore, type Unusable } from '../checkpoint/store.fs.ts';
import { systemClock } from '../clock.ts';
import type { Generation, GenerationId, GenerationStore } from '../contract.ts';
import { RestillError } from '../errors.ts';

export interface StoredGenerations {
  readonly directory: string;
  readonly store: GenerationStore;
  /** What `store.list` and `store.latest` passed over so far. */
  readonly unusable: readonly Unusable[];
}

/** What every command about stored generations takes. */
export interface DataOptions {
  readonly data: string;
  readonly json?: true;
}

export const withDataOptions = (command: Command): Command =>
  command
    .requiredOption('--data <dir>', 'the data directory of the run')
    .option('--json', 'one JSON object instead of text');

export interface OperatedGenerations extends StoredGenerations {
  readonly desk: Desk;
}

/** For moving the live pointer, also beside a daemon. */
export async function openOperatedGenerations(data: string): Promise<OperatedGenerations> {
  const stored = await openWith(data, 'operate');
  return { ...stored, desk: new Desk({ ...stored, clock: systemClock }) };
}

/** Changes nothing on disk. A directory that is not there holds no generations. */
export const openStoredGenerations = (data: string): Promise<StoredGenerations> => openWith(data, 'read');

async function openWith(data: string, access: 'read' | 'operate'): Promise<StoredGenerations> {
  const directory = join(data, 'generations');
  const unusable: Unusable[] = [];
  const onUnusable = (found: Unusable): void => void unusable.push(found);
  const store = await openStore({ directory, clock: systemClock, access, onUnusable });
  return { directory, store, unusable };
}

/**
 * The generation meant by `g000001`, `live` or `latest`, with every checksum verified.
 *
 * @throws USAGE, GENERATION_UNKNOWN, GENERATION_DAMAGED, GENERATION_FOREIGN.
 */
export async function openNamed(stored: StoredGenerations, name: string): Promise<Generation> {
  return stored.store.open(await resolveName(stored, name));
}

/** `latest` is the newest there is, damaged or not: never a silent step back to an older one. */
export async function resolveName(stored: StoredGenerations, name: string): Promise<GenerationId> {
  if (name === 'live') return liveOf(stored);
  if (name === 'latest') return latestOf(stored);
  const id = parseGenerationId(name);
  if (id) return id;
  throw new RestillError(
    'USAGE',
    `"${name}" is no generation: give an id such as g000001, or live, or latest`,
  );
}

async function liveOf({ store, directory }: StoredGenerations): Promise<GenerationId> {
  const id = await store.live();
  if (id) return id;
  throw new RestillError(
    'GENERATION_UNKNOWN',
    `no generation in ${directory} is live: the gate has promoted none yet`,
  );
}

async function latestOf({ store, directory, unusable }: StoredGenerations): Promise<GenerationId> {
  const manifests = await store.list();
  const newest = generationsIn([...manifests, ...unusable].map(({ id }) => id)).at(-1);
  if (newest) return newest;
  throw new RestillError(
    'GENERATION_UNKNOWN',
    `no generation in ${directory} yet; \`restill replay\` makes them`,
  );
}

/** Writes to the command's standard output, which a test may redirect with `configureOutput`. */
export function print(command: Command, text: string): void {
  command.configureOutput().writeOut?.(text);
}

export const printJson = (command: Command, value: unknown): void =>
  print(command, `${JSON.stringify(value, null, 2)}\n`);
