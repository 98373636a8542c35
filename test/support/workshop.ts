// A workshop with two real models as small as they come, over a journal in memory.
import { type Config, parseConfig } from '../../src/config.ts';
import type { ArtifactFile, Group, Snapshot } from '../../src/contract.ts';
import type { EvaluationSet } from '../../src/trainer/evaluation.ts';
import { type FixedFiles, type Restored, restoreSnapshot } from '../../src/trainer/snapshot.tf.ts';
import type { Workshop } from '../../src/trainer/turn.ts';
import {
  designModels,
  fromNothing,
  type Opened,
  openWorkshop,
  type Starts,
} from '../../src/trainer/workshop.tf.ts';
import { groupOf, type RingJournal, ringJournal } from './groups.ts';
import { backend } from './tensor.ts';

const tiny = {
  journal: { ring_max: 60, recent_max: 4, memory_max: 60 },
  turns: { groups: 10, snapshot_every: 2 },
  vocabulary: { size: 420, groups: 10 },
  teacher: { layers: 1, hidden: 16, heads: 2, key_value_heads: 1, intermediate: 16, tokens_max: 24 },
  student: { layers: 1, hidden: 16, heads: 2, intermediate: 16, tokens_max: 24 },
  pretrain: { steps_max: 2, batch: 4, warmup_steps: 0 },
  finetune: { steps_max: 3, batch: 4, warmup_steps: 0 },
  distill: { steps_max: 3, batch: 4, warmup_steps: 0 },
  labels: { batch: 8 },
  evaluation: { groups_max: 4 },
};

type Section = Readonly<Record<string, unknown>>;

/** The tiny configuration; sections given are merged into its own. */
export function tinyConfig(change: Readonly<Record<string, Section>> = {}): Config {
  const merged: Record<string, Section> = { ...tiny };
  for (const [name, section] of Object.entries(change)) merged[name] = { ...merged[name], ...section };
  return parseConfig(merged);
}

/** Every fifth group is held out; every one has its own query and words. */
export const streamOf = (count: number, change: (sequence: number) => Partial<Group> = () => ({})): Group[] =>
  Array.from({ length: count }, (_, i) =>
    groupOf(i, { holdout: i % 5 === 4, query: `query ${i}`, queryKey: `k${i}`, ...change(i) }),
  );

export interface Bench extends Opened {
  readonly journal: RingJournal;
  readonly fixed: FixedFiles;
  readonly config: Config;
}

const opened: Workshop[] = [];

/**
 * A fresh workshop, or the one that a snapshot holds. `journal` must be as it was when the snapshot was
 * taken.
 */
export async function openBench(o: {
  readonly groups: readonly Group[];
  readonly config?: Config;
  readonly journal?: RingJournal;
  readonly judged?: EvaluationSet;
  readonly from?: Snapshot;
  readonly starts?: Starts;
}): Promise<Bench> {
  const config = o.config ?? tinyConfig();
  const journal = o.journal ?? ringJournal(o.groups, config.journal.recentMax);
  const restored: Restored | null = o.from
    ? await restoreSnapshot(reader(o.from.files), config.labels.keptMax)
    : null;
  const starts = o.starts ?? fromNothing;
  const fixed = designModels(config, o.groups.slice(0, config.vocabulary.groups), null, starts);
  const judged = o.judged ?? null;
  const bench = openWorkshop({ backend, config, journal, judged, fixed, restored, starts });
  opened.push(bench.shop);
  return { ...bench, journal, fixed, config };
}

const reader =
  (files: readonly ArtifactFile[]) =>
  (path: string): Promise<Uint8Array> =>
    Promise.resolve(files.find((file) => file.path === path)!.bytes);

/** For `afterEach`. */
export function disposeBenches(): void {
  for (const { student, teacher } of opened.splice(0)) {
    student.dispose();
    teacher.dispose();
  }
}
