// Small but complete snapshots for the tests of the store. Every file's content depends on the cursor, so
// that a mix of two generations cannot go unnoticed.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { generationId } from '../../src/checkpoint/generation.ts';
import { openStore, type StoreOptions, type Unusable } from '../../src/checkpoint/store.fs.ts';
import type { Clock } from '../../src/clock.ts';
import type { ArtifactFile, GateVerdict, GenerationStore, Snapshot } from '../../src/contract.ts';
import { temporaryDirectory } from './directory.ts';

export const digestA = 'a'.repeat(64);
export const digestB = 'b'.repeat(64);
export const promote: GateVerdict = { decision: 'PROMOTE', reason: 'first', figures: {} };

/** 2026-01-01T00:00:00.000Z, always. */
const stillClock: Clock = { now: () => 1_767_225_600_000, elapsed: () => 0 };

export interface SnapshotParts {
  readonly cursor: number;
  readonly configDigest?: string;
  readonly metrics?: Readonly<Record<string, number>>;
}

export function snapshotAt({ cursor, configDigest = digestA, metrics = {} }: SnapshotParts): Snapshot {
  return {
    cursor,
    scheduled: true,
    configDigest,
    starts: { student: sha256('student start'), teacher: null },
    lineage: {
      topic: 'clicks',
      offsets: { 'clicks/1': 40, 'clicks/0': 7 * cursor },
      cursor,
      eventTimeMs: { from: 1_700_000_000_000, to: 1_700_000_360_000 },
      teacherVersion: 2,
      replayShare: 0.25,
    },
    metrics,
    weightsSha256: { student: sha256(`student ${cursor}`), teacher: sha256(`teacher ${cursor}`) },
    files: filesAt(cursor),
  };
}

/** In no particular order, as a trainer may hand them over. */
export function filesAt(cursor: number): ArtifactFile[] {
  const config = {
    num_hidden_layers: 2,
    hidden_size: 128,
    vocab_size: 4096,
    max_position_embeddings: 64,
    cursor,
  };
  return [
    file('student/model.safetensors', `student weights ${cursor} `.repeat(20)),
    file('student/config.json', JSON.stringify(config)),
    file('student/tokenizer.json', `{"cursor":${cursor}}`),
    file('student/tokenizer_config.json', `{"model_max_length":48,"cursor":${cursor}}`),
    file('student/special_tokens_map.json', `{"cursor":${cursor}}`),
    file('student/vocab.txt', `[PAD]\n${cursor}\n`),
    file('teacher/model.safetensors', `teacher weights ${cursor} `.repeat(30)),
    file('optimizer.safetensors', `moments ${cursor}`),
    file('state.json', `{"cursor":${cursor}}`),
  ];
}

const file = (path: string, text: string): ArtifactFile => ({ path, bytes: Buffer.from(text) });

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A store and the list of what it passed over. */
export async function storeAt(
  directory: string,
  options: Partial<StoreOptions> = {},
): Promise<{ store: GenerationStore; unusable: Unusable[] }> {
  const unusable: Unusable[] = [];
  const store = await openStore({
    directory,
    clock: stillClock,
    access: 'write',
    onUnusable: (found) => unusable.push(found),
    ...options,
  });
  return { store, unusable };
}

/** A store with generations 1 and 2, cursors 100 and 200, in a directory of the test's own. */
export async function twoGenerations() {
  const directory = join(temporaryDirectory(), 'generations');
  const { store, unusable } = await storeAt(directory);
  const first = await store.publish(snapshotAt({ cursor: 100 }), promote);
  const second = await store.publish(snapshotAt({ cursor: 200 }), promote);
  return { directory, store, unusable, first, second };
}

/** A data directory with three generations, the second live; no audit says how. */
export async function threeGenerations(): Promise<string> {
  const data = temporaryDirectory();
  const { store } = await storeAt(join(data, 'generations'));
  for (const cursor of [100, 200, 300])
    await store.publish(snapshotAt({ cursor, metrics: { 'holdout.ndcg10': 0.5 + cursor / 1000 } }), promote);
  await store.setLive(generationId(2));
  return data;
}
