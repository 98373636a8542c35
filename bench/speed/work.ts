// What a speed benchmark has its sides do: the same sequences, weights and settings for all of them, as
// files.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EncodedPair } from '../../src/contract.ts';
import { randomFor } from '../../src/random.ts';
import { bertParameters } from '../../src/tensor/bert.ts';
import { type BertConfig, bertToHuggingFace } from '../../src/tensor/model-config.ts';
import { initialize } from '../../src/tensor/parameters.ts';
import { encodeSafetensors } from '../../src/tensor/safetensors.ts';
import { bertTokenizerFiles } from '../../src/tensor/tokenizer-files.ts';

/** `6x384`: layers and width; the heads are 32 wide, as in the peer benchmarks of MiniLM. */
export interface Shape {
  readonly layers: number;
  readonly hidden: number;
  /** Pairs of a training step. */
  readonly pairs: number;
}

export interface Sequence {
  readonly ids: readonly number[];
  readonly segments: readonly number[];
}

/** As many of the one as of the other: what stands at the same place belongs together. */
export interface PairedSequences {
  readonly positives: readonly Sequence[];
  readonly negatives: readonly Sequence[];
}

export interface Batch {
  /** Training: the positives of all pairs, then their negatives. Scoring: what is scored at a time. */
  readonly sequences: readonly Sequence[];
  /** Training: a teacher's score for each; scoring: none. */
  readonly scores: readonly number[];
}

/** The content of `work.json`. */
export interface Work extends ModelFiles {
  readonly task: 'train' | 'score';
  readonly threads: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
  readonly batches: readonly Batch[];
}

export interface ModelFiles {
  /** A Hugging Face directory. */
  readonly model: string;
  /** Of the teacher: a safetensors file of what trains, and how peft calls its settings. Else null. */
  readonly adapter: string | null;
  readonly lora: typeof lora | null;
}

/** Of a teacher's adapter: the defaults of the configuration. */
export const lora = {
  rank: 16,
  alpha: 32,
  target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
} as const;

/** A configuration file's content for a teacher that starts from a directory, with an adapter. */
export const teacherConfig = (start: string): object => ({
  teacher: { start, adapter: lora, tokens_max: 128 },
  pretrain: { steps_max: 0 },
  finetune: { weight_decay: trainSettings.weightDecay, clip_norm: trainSettings.clipNorm },
});

/** AdamW as the peers run it: see bench/peer. */
export const trainSettings = { learningRate: 2e-5, weightDecay: 0.01, clipNorm: 1 } as const;

const positions = 512;

/** A BERT of random weights, written as a Hugging Face directory: speed does not depend on the values. */
export function writeModel(directory: string, shape: Shape, tokenizer: string, seed: number): void {
  const { vocab } = (JSON.parse(tokenizer) as { model: { vocab: Record<string, number> } }).model;
  const config: BertConfig = {
    vocabulary: Object.keys(vocab).length,
    layers: shape.layers,
    hidden: shape.hidden,
    heads: shape.hidden / 32,
    intermediate: 4 * shape.hidden,
    positions,
    segments: 2,
    epsilon: 1e-12,
  };
  mkdirSync(directory, { recursive: true });
  const write = (path: string, bytes: Uint8Array | string) => writeFileSync(join(directory, path), bytes);
  write('config.json', JSON.stringify(bertToHuggingFace(config)));
  write('model.safetensors', encodeSafetensors(initialize(bertParameters(config), seed)));
  for (const file of bertTokenizerFiles(tokenizer, positions)) write(file.path, file.bytes);
}

/** Sequences of exactly `tokens` tokens that are no special ones, a quarter of them the query's. */
export function fixedSequences(count: number, tokens: number, vocabulary: number, seed: number): Sequence[] {
  const random = randomFor(seed, 'sequences', tokens);
  return Array.from({ length: count }, () => ({
    ids: Array.from({ length: tokens }, () => 1000 + random.below(vocabulary - 1000)),
    segments: Array.from({ length: tokens }, (_, i) => (i < tokens / 4 ? 0 : 1)),
  }));
}

export const idsOf = ({ sequences }: Batch): Int32Array[] => sequences.map(({ ids }) => Int32Array.from(ids));

export const plain = ({ ids, segments }: EncodedPair): Sequence => ({
  ids: [...ids],
  segments: [...segments],
});

/** Training steps of `size` pairs, with teacher scores in [-2, 2]. */
export function trainBatches({ positives, negatives }: PairedSequences, size: number, seed: number): Batch[] {
  const random = randomFor(seed, 'teacher');
  return Array.from({ length: Math.floor(positives.length / size) }, (_, i) => {
    const part = (of: readonly Sequence[]) => of.slice(i * size, (i + 1) * size);
    const sequences = [...part(positives), ...part(negatives)];
    return { sequences, scores: sequences.map(() => 4 * random.next() - 2) };
  });
}

/** What is scored together is of like length: our scoring sorts, and so does CrossEncoder.predict. */
export function scoreBatches({ positives, negatives }: PairedSequences, size: number): Batch[] {
  const sorted = [...positives, ...negatives].sort((a, b) => a.ids.length - b.ids.length);
  return Array.from({ length: Math.floor(sorted.length / size) }, (_, i) => ({
    sequences: sorted.slice(i * size, (i + 1) * size),
    scores: [],
  }));
}

/** Cells of a padded batch over real tokens: what padding would cost. `groups`: batches padded apart. */
export function paddingOf(batches: readonly Batch[], groups: 1 | 2): number {
  const parts = batches.flatMap(({ sequences }) => {
    const half = sequences.length / groups;
    return Array.from({ length: groups }, (_, i) => sequences.slice(i * half, (i + 1) * half));
  });
  const lengths = parts.map((part) => part.map(({ ids }) => ids.length));
  const cells = lengths.reduce((sum, part) => sum + part.length * Math.max(...part), 0);
  return cells / lengths.flat().reduce((sum, length) => sum + length, 0);
}
