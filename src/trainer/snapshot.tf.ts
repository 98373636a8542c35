// A workshop as the files of a generation, and back. Promise 3: everything that is needed to go on as if
// nothing had happened, and the student as a complete Hugging Face directory.
import type { Config } from '../config.ts';
import type { ArtifactFile, Lineage, NamedTensor, Snapshot, StartDigests, Tensors } from '../contract.ts';
import { fromPeft, peftFiles, toPeft } from '../tensor/peft.ts';
import { decodeSafetensors, encodeSafetensors, hashTensors } from '../tensor/safetensors.ts';
import { gateFigures } from './evaluate.ts';
import { LabelTable } from './labels.ts';
import type { ModelState } from './models.ts';
import { decodeState, encodeState, type TrainerState } from './state.ts';
import type { Workshop } from './turn.ts';

/** Files that no training changes: configs and tokenizers of both models, by their path in the generation. */
export type FixedFiles = readonly ArtifactFile[];

/** What a generation gives back. */
export interface Restored {
  readonly student: ModelState;
  readonly teacher: ModelState;
  readonly labels: LabelTable;
  readonly state: TrainerState;
}

const studentFile = 'student/model.safetensors';
const optimizerFile = 'optimizer.safetensors';
const labelsFile = 'labels.bin';
const stateFile = 'state.json';
/** The configuration in effect, for whoever evaluates or serves the generation later. */
const configFile = 'config.json';

export function takeSnapshot(
  shop: Workshop,
  fixed: FixedFiles,
  o: { scheduled: boolean; configDigest: string; starts: StartDigests },
): Snapshot {
  const student = shop.student.state();
  const teacher = shop.teacher.state();
  const figures = shop.state.curve.at(-1)?.figures ?? {};
  const moments = new Map([
    ...prefixed('student/', student.moments),
    ...prefixed('teacher/', teacher.moments),
  ]);
  return {
    cursor: shop.state.position.cursor,
    scheduled: o.scheduled,
    configDigest: o.configDigest,
    starts: o.starts,
    lineage: lineageOf(shop),
    // Of these weights: between two steps nothing was measured.
    metrics: o.scheduled ? { ...figures, ...gateFigures(figures) } : {},
    weightsSha256: weightsSha256(shop),
    files: [
      ...fixed,
      { path: studentFile, bytes: encodeSafetensors(student.weights) },
      storeTeacher(shop.config, teacher.weights),
      { path: optimizerFile, bytes: encodeSafetensors(moments) },
      { path: labelsFile, bytes: shop.labels.encode() },
      { path: stateFile, bytes: encodeState(shop.state) },
      { path: configFile, bytes: Buffer.from(`${JSON.stringify(shop.config, null, 1)}\n`) },
    ],
  };
}

/** SHA-256 over the weights in canonical order, hex: equal if and only if the models are, bit by bit. */
export const weightsSha256 = ({ student, teacher }: Workshop): Snapshot['weightsSha256'] => ({
  student: hashTensors(student.state().weights),
  teacher: hashTensors(teacher.state().weights),
});

/** @param read a file of the generation, checksum verified. */
export async function restoreSnapshot(
  read: (path: string) => Promise<Uint8Array>,
  labelsMax: number,
): Promise<Restored> {
  const moments = decodeSafetensors(await read(optimizerFile), optimizerFile);
  const student = decodeSafetensors(await read(studentFile), studentFile);
  const teacher = await readTeacher(read, await readConfig(read));
  return {
    student: { weights: student, moments: unprefixed('student/', moments) },
    teacher: { weights: teacher, moments: unprefixed('teacher/', moments) },
    labels: LabelTable.decode(await read(labelsFile), labelsMax),
    state: decodeState(await read(stateFile)),
  };
}

/** The configuration that a generation was made with. */
export async function readConfig(read: (path: string) => Promise<Uint8Array>): Promise<Config> {
  return JSON.parse(Buffer.from(await read(configFile)).toString()) as Config;
}

/** Where the teacher's weights are: an adapter's as PEFT has them, so that the directory is one of PEFT's. */
const teacherFile = ({ teacher }: Config): string =>
  `teacher/${teacher.adapter ? peftFiles.weights : 'model.safetensors'}`;

const storeTeacher = (config: Config, weights: Tensors): ArtifactFile => ({
  path: teacherFile(config),
  bytes: encodeSafetensors(config.teacher.adapter ? toPeft(weights) : weights),
});

/** Weights of the teacher that are in a generation: all, or an adapter and the head. */
export async function readTeacher(
  read: (path: string) => Promise<Uint8Array>,
  config: Config,
): Promise<Tensors> {
  const path = teacherFile(config);
  const weights = decodeSafetensors(await read(path), path);
  return config.teacher.adapter ? fromPeft(weights) : weights;
}

/** The student's weights alone, for scoring. */
export const readStudent = async (read: (path: string) => Promise<Uint8Array>): Promise<ModelState> => ({
  weights: decodeSafetensors(await read(studentFile), studentFile),
  moments: new Map(),
});

function lineageOf({ state, config }: Workshop): Lineage {
  const { topic, offsets, eventFromMs, eventToMs } = state.provenance;
  return {
    topic,
    offsets: { ...offsets },
    cursor: state.position.cursor,
    eventTimeMs: { from: eventFromMs, to: eventToMs },
    teacherVersion: state.teacherVersion,
    replayShare: config.replay.share,
  };
}

type Entries = [string, NamedTensor][];

const prefixed = (prefix: string, tensors: Tensors): Entries =>
  [...tensors].map(([name, tensor]) => [`${prefix}${name}`, tensor]);

const unprefixed = (prefix: string, tensors: Tensors): Tensors =>
  new Map(
    [...tensors].flatMap(([name, t]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), t]] : [])),
  );
