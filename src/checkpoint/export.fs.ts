// A generation's student or teacher as a Hugging Face directory of its own, written outside and renamed in:
// whoever watches the target sees nothing or all of it.
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { Generation, ManifestFile } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { peftFiles } from '../tensor/peft.ts';
import {
  copyFile,
  type Digest,
  digestFile,
  makeDirectories,
  makeSubdirectories,
  readFile,
  removeTree,
  writeFile,
} from './file-tree.fs.ts';
import { diskFiles, type Files, named } from './files.fs.ts';
import { modelCard, type StudentShape } from './model-card.ts';
import { type TeacherLayout, teacherCard } from './teacher-card.ts';
import { checkDigest } from './verify.fs.ts';

const sumsName = 'SHA256SUMS';
const cardName = 'README.md';
const { config: adapterConfig, weights: adapterWeights } = peftFiles;

/** What of a generation is exported. */
interface Content {
  /** Files of the generation with this prefix are copied, and lose it. */
  readonly prefix: 'student/' | 'teacher/';
  /** Without these no server loads it. */
  readonly required: readonly string[];
  /** Written in the place of the generation's own. */
  readonly instead: ReadonlyMap<string, Uint8Array | null>;
  /** @param staging holds all other files. */
  readonly card: (files: Files, staging: string) => Promise<string>;
}

export interface ExportOptions {
  /** Replace an earlier export at the target. Anything else there is refused all the same. */
  readonly force: boolean;
  /** The disk, unless a test gives another. */
  readonly files?: Files;
}

export interface Exported {
  /** Absolute. */
  readonly directory: string;
  /** Relative to it, sorted. */
  readonly files: readonly ManifestFile[];
}

/**
 * Copies `student/` of a generation to a new directory and adds a model card and SHA256SUMS, for
 * `sha256sum -c`. What is copied is checked against the manifest on the way.
 *
 * Not guaranteed: that there is a target at every moment while `force` replaces one; a crash between the two
 * renames leaves the old one beside it as `.replaced-NAME`.
 *
 * @throws USAGE when something is at the target already, GENERATION_DAMAGED, STORE_WRITE_FAILED,
 * STORE_READ_FAILED.
 */
export function exportHuggingFace(
  generation: Generation,
  out: string,
  options: ExportOptions,
): Promise<Exported> {
  return exportContent(generation, out, options, {
    prefix: 'student/',
    required: ['config.json', 'model.safetensors', 'tokenizer.json'],
    instead: new Map(),
    card: async (files, staging) => modelCard(generation.manifest, await readShape(files, staging)),
  });
}

/**
 * The same for `teacher/`: a model with all its weights, or an adapter in PEFT's layout.
 *
 * @param merged model.safetensors of the model with its adapter merged, to be written instead of the adapter.
 */
export function exportTeacher(
  generation: Generation,
  out: string,
  options: ExportOptions & { readonly merged: Uint8Array | null },
): Promise<Exported> {
  const { merged } = options;
  const isAdapter = generation.manifest.files.some(({ path }) => path === `teacher/${adapterConfig}`);
  const weights = isAdapter ? adapterWeights : 'model.safetensors';
  const adapterFiles: [string, null][] = [adapterConfig, adapterWeights].map((path) => [path, null]);
  return exportContent(generation, out, options, {
    prefix: 'teacher/',
    required: ['config.json', weights, 'tokenizer.json'],
    instead: new Map<string, Uint8Array | null>(
      merged === null ? [] : [...adapterFiles, ['model.safetensors', merged]],
    ),
    card: async (files, staging) =>
      teacherCard(generation.manifest, await readLayout(files, staging, isAdapter && merged === null)),
  });
}

async function exportContent(
  generation: Generation,
  out: string,
  options: ExportOptions,
  content: Content,
): Promise<Exported> {
  const files = named(options.files ?? diskFiles);
  const target = resolve(out);
  const parent = dirname(target);
  await refuseTaken(files, target, options.force);
  await makeDirectories(files, parent);
  const staging = join(parent, `.staging-${basename(target)}`);
  await removeTree(files, staging); // of an export that was killed
  try {
    const written = await writeExport(files, generation, content, staging);
    await moveIn(files, staging, target);
    return { directory: target, files: written };
  } catch (error) {
    await removeTree(files, staging).catch(() => {}); // if it cannot, the next export does it
    throw error;
  }
}

async function refuseTaken(files: Files, target: string, force: boolean): Promise<void> {
  const siblings = await files.list(dirname(target));
  const there = siblings?.find((entry) => entry.name === basename(target));
  if (there === undefined && dirname(target) !== target) return;
  const isExport = there?.kind === 'directory' && (await hasFile(files, target, sumsName));
  if (force && isExport) return;
  throw new RestillError(
    'USAGE',
    isExport
      ? `${target} holds an earlier export; name another directory, or give --force to replace it`
      : `${target} exists and is no export of restill (it has no ${sumsName}); name a new directory`,
  );
}

async function hasFile(files: Files, directory: string, name: string): Promise<boolean> {
  const entries = (await files.list(directory)) ?? [];
  return entries.some((entry) => entry.name === name && entry.kind === 'file');
}

/** Everything in `staging` is durable afterwards. */
async function writeExport(
  files: Files,
  generation: Generation,
  { prefix, required, instead, card }: Content,
  staging: string,
): Promise<ManifestFile[]> {
  const listed = generation.manifest.files.filter((file) => file.path.startsWith(prefix));
  const own = listed.map((file) => ({ ...file, path: file.path.slice(prefix.length) }));
  for (const path of required) requireFile(generation, own, prefix, path);
  const copied = own.filter((file) => !instead.has(file.path));
  await files.makeDirectory(staging);
  const directories = await makeSubdirectories(
    files,
    staging,
    copied.map((file) => file.path),
  );
  for (const file of copied) {
    const from = join(generation.directory, prefix, file.path);
    checkDigest(from, file, await copyFile(files, from, join(staging, file.path)));
  }
  const add = async (path: string, bytes: Uint8Array): Promise<ManifestFile> => {
    await writeFile(files, join(staging, path), bytes);
    return { path, ...((await digestFile(files, join(staging, path))) as Digest) };
  };
  const added: ManifestFile[] = [];
  for (const [path, bytes] of instead) if (bytes !== null) added.push(await add(path, bytes));
  added.push(await add(cardName, Buffer.from(await card(files, staging))));
  const written = [...copied, ...added].sort((a, b) => (a.path < b.path ? -1 : 1));
  const sums = written.map((file) => `${file.sha256}  ${file.path}\n`).join('');
  await writeFile(files, join(staging, sumsName), Buffer.from(sums));
  for (const directory of directories) await files.syncDirectory(directory);
  return written;
}

function requireFile(
  { manifest }: Generation,
  own: readonly ManifestFile[],
  prefix: string,
  path: string,
): void {
  if (own.some((file) => file.path === path)) return;
  throw new RestillError(
    'GENERATION_DAMAGED',
    `generation ${manifest.id} has no ${prefix}${path}, which every server needs; export another one`,
  );
}

async function moveIn(files: Files, staging: string, target: string): Promise<void> {
  const parent = dirname(target);
  const replaced = join(parent, `.replaced-${basename(target)}`);
  const isThere = (await files.list(target)) !== null;
  if (isThere) {
    await removeTree(files, replaced);
    await files.rename(target, replaced);
  }
  try {
    await files.rename(staging, target);
  } catch (error) {
    // The first error says why; where even this fails the old export stays aside.
    if (isThere) await files.rename(replaced, target).catch(() => {});
    throw error;
  }
  await files.syncDirectory(parent);
  await removeTree(files, replaced);
}

/** Unknown keys are none of our business here: other tools read them. */
const configSchema = z.object({
  num_hidden_layers: z.int(),
  hidden_size: z.int(),
  vocab_size: z.int(),
  max_position_embeddings: z.int(),
});
/** Tools that know no bound write a huge number, and some leave it out. */
const tokenizerSchema = z.object({ model_max_length: z.number().default(Infinity) });

async function readShape(files: Files, directory: string): Promise<StudentShape> {
  const config = configSchema.safeParse(await readJson(files, join(directory, 'config.json')));
  const tokenizer = tokenizerSchema.safeParse(
    (await readJson(files, join(directory, 'tokenizer_config.json'))) ?? {},
  );
  const problem = config.error ?? tokenizer.error;
  if (problem) throw new RestillError('MODEL_DAMAGED', `the student's config: ${z.prettifyError(problem)}`);
  return {
    layers: config.data!.num_hidden_layers,
    hidden: config.data!.hidden_size,
    vocabulary: config.data!.vocab_size,
    tokensMax: Math.min(config.data!.max_position_embeddings, tokenizer.data!.model_max_length),
  };
}

const adapterSchema = z.object({ base_model_name_or_path: z.string() });
const teacherSchema = z.object({ pad_token_id: z.int() });

async function readLayout(files: Files, directory: string, isAdapter: boolean): Promise<TeacherLayout> {
  if (!isAdapter) return { kind: 'model' };
  const adapter = adapterSchema.parse(await readJson(files, join(directory, adapterConfig)));
  const { pad_token_id: pad } = teacherSchema.parse(await readJson(files, join(directory, 'config.json')));
  return { kind: 'adapter', base: adapter.base_model_name_or_path, pad };
}

/** Null where there is no such file. */
async function readJson(files: Files, path: string): Promise<unknown> {
  const bytes = await readFile(files, path);
  try {
    return bytes && JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new RestillError('MODEL_DAMAGED', `${basename(path)} of the model is not JSON`, { cause });
  }
}
