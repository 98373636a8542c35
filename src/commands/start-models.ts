// Models to start from: Hugging Face directories that the configuration names.
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Config } from '../config.ts';
import type { StartDigests } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { startReference } from '../hub/reference.ts';
import { hubSettings } from '../hub/settings.ts';
import { findSnapshot } from '../hub/snapshot.fs.ts';
import { modelDigest } from '../tensor/model-digest.fs.ts';
import { type Described, describeModelDirectory, openModelDirectory } from '../tensor/model-directory.fs.ts';
import type { Starts } from '../trainer/workshop.tf.ts';

/**
 * A configuration as written, with the sizes of the models that it starts from: whoever parses it sees a
 * Config that is true.
 *
 * @throws RestillError `CONFIG_INVALID` naming a size that was given and is another; what
 *   `describeModelDirectory` throws.
 */
export function withSizes(raw: unknown): unknown {
  if (!isRecord(raw)) return raw;
  const copy = { ...raw };
  for (const name of models) if (isRecord(raw[name])) copy[name] = sized(name, raw[name]);
  return copy;
}

/**
 * @throws RestillError `CONFIG_INVALID` when longer sequences, or more token types, are asked for than a
 *   model has learnt to read.
 */
export function checkTokens(config: Config): void {
  checkSegments(config);
  for (const model of models) {
    const { start, tokensMax } = config[model];
    const positions = start === null ? tokensMax : describeModelDirectory(start, null).config.positions;
    if (tokensMax > positions)
      throw new RestillError(
        'CONFIG_INVALID',
        `${model}.tokens_max is ${tokensMax}, but ${model}.start reads at most ${positions} tokens; ` +
          `set ${model}.tokens_max`,
      );
  }
}

/** A model of one token type would look the document's up behind the end of its table. */
function checkSegments({ student: { start, segments } }: Config): void {
  if (start === null || segments === 'none') return;
  const described = describeModelDirectory(start, null);
  if (described.family === 'bert' && described.config.segments < 2)
    throw new RestillError(
      'CONFIG_INVALID',
      'student.segments is bert, but student.start knows one token type only; set student.segments: none',
    );
}

/**
 * Reads them. The teacher's weights are needed where there is no generation to go on from, or only an
 * adapter in it; the student's are compared with at the end.
 */
export function openStarts({ student, teacher, seed }: Config, isFresh: boolean): Starts {
  const open = (path: string, layers: readonly number[] | null) => openModelDirectory(path, { seed, layers });
  const bert = student.start === null ? null : open(student.start, student.layersKept);
  const needed = isFresh || teacher.adapter !== null;
  const llama = teacher.start === null || !needed ? null : open(teacher.start, null);
  if (bert !== null && bert.family !== 'bert') throw wrongFamily('student', student.start);
  if (llama !== null && llama.family !== 'llama') throw wrongFamily('teacher', teacher.start);
  return { student: bert, teacher: llama };
}

/** What they hold: a generation goes on with the same only. Reads all files. */
export const startDigests = ({ student, teacher }: Config): StartDigests => ({
  student: student.start && modelDigest(student.start),
  teacher: teacher.start && modelDigest(teacher.start),
});

/**
 * Where the cache has `hf:ORG/NAME[@REV]`, as an absolute path; null for what is a path. A run never asks
 * the network.
 *
 * @throws RestillError `USAGE`, `MODEL_NOT_CACHED` saying what to pull.
 */
export function cachedStart(start: string): string | null {
  const reference = startReference(start);
  return reference && resolve(findSnapshot(hubSettings(process.env, homedir()).cache, reference));
}

const models = ['student', 'teacher'] as const;
type Model = (typeof models)[number];

function sized(model: Model, section: Record<string, unknown>): Record<string, unknown> {
  const { start, layers_kept: kept = null } = section;
  if (typeof start !== 'string') return section;
  const isList = Array.isArray(kept) && kept.every((layer) => typeof layer === 'number');
  const described = describeModelDirectory(start, isList ? kept : null);
  if (described.family !== (model === 'student' ? 'bert' : 'llama')) throw wrongFamily(model, start);
  const sizes = sizesOf(described);
  for (const [key, size] of Object.entries(sizes))
    if (section[key] !== undefined && section[key] !== size)
      throw new RestillError(
        'CONFIG_INVALID',
        `${model}.${key} is ${JSON.stringify(section[key])}, but ${model}.start has ${size}; leave it out`,
      );
  return { ...section, ...sizes };
}

function sizesOf({ family, config }: Described): Readonly<Record<string, number>> {
  const { layers, hidden, heads, intermediate } = config;
  const both = { layers, hidden, heads, intermediate };
  return family === 'bert' ? both : { ...both, key_value_heads: config.keyValueHeads };
}

const wrongFamily = (model: Model, path: string | null): RestillError =>
  new RestillError(
    'CONFIG_INVALID',
    `${model}.start, ${path}, is of another family; ` +
      (model === 'student' ? 'the student is a BERT' : 'the teacher is a Llama or a Qwen2'),
  );

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
