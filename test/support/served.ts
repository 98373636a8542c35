// Data directories of tiny students that serving can load, with golden logits from plain loops
// (plain-models.ts): nothing that computes them is shared with the engine.
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { goldenOf } from '../../src/checkpoint/generation-golden.ts';
import { encodePointer } from '../../src/checkpoint/pointer.ts';
import { systemClock, type Timer } from '../../src/clock.ts';
import { parseConfig } from '../../src/config.ts';
import type { ArtifactFile, EncodedPair, GenerationId, Snapshot, Tensors } from '../../src/contract.ts';
import type { QueryDocument } from '../../src/serving/ports.ts';
import { bertParameters } from '../../src/tensor/bert.ts';
import { type BertConfig, bertToHuggingFace } from '../../src/tensor/model-config.ts';
import { initialize } from '../../src/tensor/parameters.ts';
import { encodeSafetensors } from '../../src/tensor/safetensors.ts';
import { openTokenizer } from '../../src/tensor/tokenizer.ts';
import { bertTokenizerFiles } from '../../src/tensor/tokenizer-files.ts';
import { buildWordPiece } from '../../src/tensor/vocabulary.ts';
import { plainBertScore } from './plain-models.ts';
import { snapshotAt } from './snapshots.ts';

const tokensMax = 16;
const sizes = {
  layers: 1,
  hidden: 16,
  heads: 2,
  intermediate: 32,
  positions: 24,
  segments: 2,
  epsilon: 1e-12,
};
const words = [
  'red',
  'running',
  'shoes',
  'trail',
  'light',
  'sole',
  'grippy',
  'naïve',
  'torch',
  'green',
  'tea',
];
const json = buildWordPiece(
  words.map((word) => `${word} ${word} ${word}`),
  120,
);
const tokenizer = openTokenizer(json);
export const servedModel: BertConfig = { ...sizes, vocabulary: tokenizer.vocabulary };

/** Large enough that two students differ by more than any tolerance. */
export function weightsOf(seed: number): Tensors {
  const scaled = [...initialize(bertParameters(servedModel), seed)].map(
    ([name, { shape, data }]) =>
      [name, { shape, data: shape.length > 1 ? data.map((x) => 12 * x) : data }] as const,
  );
  return new Map(scaled);
}

/** What the student of a seed says, computed without the engine. */
export function plainLogit(seed: number, { query, document }: QueryDocument): number {
  const { ids, segments } = encode({ query, document });
  return plainBertScore(servedModel, weightsOf(seed), ids, segments);
}

const encode = ({ query, document }: QueryDocument): EncodedPair =>
  tokenizer.encodePair(query, { title: document, summary: '' }, tokensMax, 'bert');

/** `golden`: the seed whose logits it claims; null: it has none. */
export function studentSnapshot(seed: number, golden: number | null = seed): Snapshot {
  const config = parseConfig({ student: { tokens_max: tokensMax } });
  const student: ArtifactFile[] = [
    { path: 'config.json', bytes: Buffer.from(JSON.stringify(bertToHuggingFace(servedModel))) },
    ...bertTokenizerFiles(json, tokensMax),
    { path: 'model.safetensors', bytes: encodeSafetensors(weightsOf(seed)) },
  ];
  const files = student.map(({ path, bytes }) => ({ path: `student/${path}`, bytes }));
  const claimed = weightsOf(golden ?? seed);
  const score = (pairs: readonly EncodedPair[]): Float32Array =>
    Float32Array.from(pairs, ({ ids, segments }) => plainBertScore(servedModel, claimed, ids, segments));
  return {
    ...snapshotAt({ cursor: seed }),
    files: [
      ...files,
      { path: 'config.json', bytes: Buffer.from(JSON.stringify(config)) },
      ...(golden === null ? [] : [goldenOf(files, { tokensMax, segments: 'bert' }, score)]),
    ],
  };
}

/** Without the checks that `restill generations promote` makes first. */
export function point(directory: string, id: GenerationId): void {
  writeFileSync(join(directory, '.current.json.new'), encodePointer(id, id, Date.now()));
  renameSync(join(directory, '.current.json.new'), join(directory, 'current.json'));
}

export function flipBit(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
}

/** As on a disk that hangs: reading waits for somebody to write. */
export function hang(path: string): void {
  rmSync(path);
  execFileSync('mkfifo', [path]);
}

/** @param deadlines filled with what waits for `deadlineMs`; they are over when the test says so. */
export const timerUntil = (deadlineMs: number, deadlines: (() => void)[]): Timer => ({
  ...systemClock,
  after: (ms, callback) => {
    if (ms !== deadlineMs) return systemClock.after(ms, callback);
    deadlines.push(callback);
    return () => {};
  },
});
