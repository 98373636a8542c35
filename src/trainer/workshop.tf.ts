// Opens both models and puts the workshop together: from a generation, or from nothing.
import type { Config } from '../config.ts';
import type { ArtifactFile, Group, JournalReader, Tensors } from '../contract.ts';
import { assert } from '../errors.ts';
import type { Backend } from '../tensor/backend.tf.ts';
import { bertParameters } from '../tensor/bert.ts';
import {
  type BertConfig,
  bertFromHuggingFace,
  bertToHuggingFace,
  type LlamaConfig,
  llamaFromHuggingFace,
  llamaToHuggingFace,
} from '../tensor/model-config.ts';
import type { LoadedBert, LoadedLlama, LoadedModel } from '../tensor/model-weights.ts';
import { initialize, type ParameterSpec } from '../tensor/parameters.ts';
import { peftConfig, peftFiles } from '../tensor/peft.ts';
import { documentText } from '../tensor/texts.ts';
import { openTokenizer, type Tokenizer } from '../tensor/tokenizer.ts';
import { bertTokenizerFiles, decoderTokenizerFiles, servedTokenizer } from '../tensor/tokenizer-files.ts';
import { buildDecoderVocabulary, buildWordPiece } from '../tensor/vocabulary.ts';
import { absentTeacher, absentTeacherEncoders } from './absent-teacher.ts';
import type { EvaluationSet } from './evaluation.ts';
import { LabelTable } from './labels.ts';
import type { Encoders, ModelState, TeacherModel } from './models.ts';
import type { Scorer } from './score.ts';
import type { FixedFiles, Restored } from './snapshot.tf.ts';
import { freshState } from './state.ts';
import { openStudent } from './student.tf.ts';
import { openTeacher, teacherShape } from './teacher.tf.ts';
import type { Workshop } from './turn.ts';

/** Models to start from; null: from random weights. */
export interface Starts {
  readonly student: LoadedBert | null;
  readonly teacher: LoadedLlama | null;
}

export const fromNothing: Starts = { student: null, teacher: null };

/**
 * Configs and tokenizers of the two models. What starts from random weights has the sizes of the config, and
 * a vocabulary learnt from groups of the stream; holdout ones are left out (promise 7).
 *
 * @param studentTokenizer text of a tokenizer.json to use for the student instead.
 */
export function designModels(
  config: Config,
  groups: readonly Group[],
  studentTokenizer: string | null,
  starts: Starts,
): FixedFiles {
  const texts = groups
    .filter((group) => !group.holdout)
    .flatMap((group) => [group.query, ...group.results.map(documentText)]);
  const { size } = config.vocabulary;
  const { tokenizer = studentTokenizer, tokenizerConfig = '{}' } = starts.student ?? {};
  const student =
    tokenizer === null ? buildWordPiece(texts, size) : servedTokenizer(tokenizer, tokenizerConfig);
  const opened = openTokenizer(student, tokenizerConfig);
  const bert = starts.student?.config ?? studentConfig(config, opened);
  return [
    json('student/config.json', bertToHuggingFace(bert, opened.special.pad ?? 0)),
    ...inDirectory('student', bertTokenizerFiles(student, config.student.tokensMax, tokenizerConfig)),
    ...inDirectory('teacher', teacherFiles(config, texts, starts.teacher)),
  ];
}

/** A remote teacher has none here. */
function teacherFiles(config: Config, texts: readonly string[], start: LoadedLlama | null): ArtifactFile[] {
  if (config.teacher.kind === 'remote') return [];
  return start ? teacherFilesOf(config, start) : freshTeacherFiles(config, texts);
}

function freshTeacherFiles(config: Config, texts: readonly string[]): ArtifactFile[] {
  const tokenizer = buildDecoderVocabulary(texts, config.vocabulary.size);
  return [
    json('config.json', teacherConfig(config, openTokenizer(tokenizer))),
    ...decoderTokenizerFiles(tokenizer, config.teacher.tokensMax),
  ];
}

/** Its tokenizer stays as it is, with the names that it gives its special tokens. */
function teacherFilesOf({ teacher }: Config, loaded: LoadedLlama): ArtifactFile[] {
  const { tokenizer, tokenizerConfig } = loaded;
  const { special } = openTokenizer(tokenizer, tokenizerConfig);
  const files = [
    json('config.json', llamaToHuggingFace(loaded.config, special)),
    { path: 'tokenizer.json', bytes: Buffer.from(tokenizer) },
    { path: 'tokenizer_config.json', bytes: Buffer.from(tokenizerConfig) },
  ];
  if (!teacher.adapter) return files;
  return [...files, json(peftFiles.config, peftConfig(teacher.adapter, teacher.start!))];
}

/** Names of the files of `designModels` in a generation; their content is read back from there. */
export const isFixedFile = (path: string): boolean =>
  /^(student|teacher)\//.test(path) && !path.endsWith('.safetensors');

export interface Opened {
  readonly shop: Workshop;
  /** The student before it learnt anything. */
  readonly studentAtStart: ModelState;
}

interface WorkshopParts {
  readonly backend: Backend;
  readonly config: Config;
  readonly journal: JournalReader;
  readonly judged: EvaluationSet | null;
  readonly fixed: FixedFiles;
  readonly restored: Restored | null;
  readonly starts: Starts;
}

/** The workshop of a generation; of a first start when there is none. The caller disposes both models. */
export function openWorkshop(o: WorkshopParts): Opened {
  const { backend, config, fixed, restored, starts } = o;
  const bert = bertFromHuggingFace(parsed(fixed, 'student/config.json'));
  const student = openStudent(backend, bert, config);
  const studentAtStart = atStart(bertParameters(bert), starts.student, config);
  student.restore(restored?.student ?? studentAtStart);
  const teacher = config.teacher.kind === 'remote' ? absentTeacher : embeddedTeacher(o);
  const shop: Workshop = {
    config,
    journal: o.journal,
    encoders: encodersOf(config, fixed),
    teacher,
    student,
    labels: restored?.labels ?? new LabelTable(config.labels.keptMax),
    judged: o.judged,
    state: restored?.state ?? freshState(),
  };
  return { shop, studentAtStart };
}

function embeddedTeacher({ backend, config, fixed, restored, starts }: WorkshopParts): TeacherModel {
  const llama = llamaFromHuggingFace(parsed(fixed, 'teacher/config.json'));
  // A graph holds a table of angles for every position, and no sequence is longer than this.
  const positions = Math.min(llama.positions, config.teacher.tokensMax);
  const shape = teacherShape({ ...llama, positions }, config.teacher);
  const frozen = config.teacher.adapter ? starts.teacher!.weights : null;
  const teacher = openTeacher(backend, shape, config, frozen);
  teacher.restore(restored?.teacher ?? atStart(shape.trained, starts.teacher, config));
  return teacher;
}

const atStart = (
  specs: readonly ParameterSpec[],
  loaded: LoadedModel | null,
  { seed }: Config,
): ModelState => ({ weights: startWeights(specs, loaded, seed), moments: new Map() });

/** Those of a loaded model; what it lacks, an adapter for example, follows from the seed. */
function startWeights(specs: readonly ParameterSpec[], loaded: LoadedModel | null, seed: number): Tensors {
  const fresh = initialize(
    specs.filter(({ name }) => !loaded?.weights.has(name)),
    seed,
  );
  return new Map(specs.map(({ name }) => [name, (loaded?.weights.get(name) ?? fresh.get(name))!]));
}

/** A student that only scores: its model and its tokenizer. The caller disposes it. */
export function openScorer(backend: Backend, config: Config, fixed: FixedFiles, weights: ModelState): Scorer {
  const student = openStudent(backend, bertFromHuggingFace(parsed(fixed, 'student/config.json')), config);
  student.restore(weights);
  return { student, config, encoders: encodersOf(config, fixed) };
}

function encodersOf(config: Config, fixed: FixedFiles): Encoders {
  const student = tokenizerOf(fixed, 'student');
  const { tokensMax, segments } = config.student;
  return {
    ...teacherEncodersOf(config, fixed),
    studentPair: (query, document) => student.encodePair(query, document, tokensMax, segments),
  };
}

function teacherEncodersOf({ teacher }: Config, fixed: FixedFiles): typeof absentTeacherEncoders {
  if (teacher.kind === 'remote') return absentTeacherEncoders;
  const { encodeScore, encodeCompletion } = tokenizerOf(fixed, 'teacher');
  return {
    teacherScore: (query, document) => encodeScore(query, document, teacher.tokensMax),
    teacherCompletion: (query, document) => encodeCompletion(query, document, teacher.tokensMax),
  };
}

const studentConfig = ({ student }: Config, tokenizer: Tokenizer): BertConfig => ({
  vocabulary: tokenizer.vocabulary,
  layers: student.layers,
  hidden: student.hidden,
  heads: student.heads,
  intermediate: student.intermediate,
  positions: student.tokensMax,
  segments: 2,
  epsilon: 1e-12,
});

function teacherConfig({ teacher }: Config, tokenizer: Tokenizer): object {
  const { begin, end, pad } = tokenizer.special;
  assert(begin !== null && end !== null && pad !== null, 'a built decoder vocabulary lacks a special token');
  const config: LlamaConfig = {
    vocabulary: tokenizer.vocabulary,
    layers: teacher.layers,
    hidden: teacher.hidden,
    heads: teacher.heads,
    keyValueHeads: teacher.keyValueHeads,
    headSize: teacher.hidden / teacher.heads,
    intermediate: teacher.intermediate,
    positions: teacher.tokensMax,
    ropeTheta: 10_000,
    ropeScaling: null,
    epsilon: 1e-5,
    tied: true,
    attentionBias: false,
  };
  return llamaToHuggingFace(config, { begin, end, pad });
}

function tokenizerOf(fixed: FixedFiles, model: 'student' | 'teacher'): Tokenizer {
  return openTokenizer(text(fixed, `${model}/tokenizer.json`), text(fixed, `${model}/tokenizer_config.json`));
}

function text(files: FixedFiles, path: string): string {
  const file = files.find((f) => f.path === path);
  assert(file !== undefined, `a generation has no ${path}`);
  return Buffer.from(file.bytes).toString();
}

const parsed = (files: FixedFiles, path: string): unknown => JSON.parse(text(files, path));

const json = (path: string, value: object): ArtifactFile => ({
  path,
  bytes: Buffer.from(`${JSON.stringify(value, null, 2)}\n`),
});

const inDirectory = (directory: string, files: readonly ArtifactFile[]): ArtifactFile[] =>
  files.map((file) => ({ path: `${directory}/${file.path}`, bytes: file.bytes }));
