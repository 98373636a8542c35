// A generation's student as a Hugging Face directory of its own, written outside and renamed in: whoever
// watches the target sees nothing or all of it.
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { Generation, ManifestFile } from '../contract.ts';
import { RestillError } from '../errors.ts';
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
import { checkDigest } from './verify.fs.ts';

const sumsName = 'SHA256SUMS';
const cardName = 'README.md';
const studentPrefix = 'student/';
/** Without these no server loads it. */
const required = ['config.json', 'model.safetensors', 'tokenizer.json'];

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
export async function exportHuggingFace(
  generation: Generation,
  out: string,
  options: ExportOptions,
): Promise<Exported> {
  const files = named(options.files ?? diskFiles);
  const target = resolve(out);
  const parent = dirname(target);
  await refuseTaken(files, target, options.force);
  await makeDirectories(files, parent);
  const staging = join(parent, `.staging-${basename(target)}`);
  await removeTree(files, staging); // of an export that was killed
  try {
    const written = await writeExport(files, generation, staging);
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
async function writeExport(files: Files, generation: Generation, staging: string): Promise<ManifestFile[]> {
  const listed = generation.manifest.files.filter((file) => file.path.startsWith(studentPrefix));
  const student = listed.map((file) => ({ ...file, path: file.path.slice(studentPrefix.length) }));
  for (const path of required) requireFile(generation, student, path);
  await files.makeDirectory(staging);
  const directories = await makeSubdirectories(
    files,
    staging,
    student.map((file) => file.path),
  );
  for (const file of student) {
    const from = join(generation.directory, studentPrefix, file.path);
    checkDigest(from, file, await copyFile(files, from, join(staging, file.path)));
  }
  const card = modelCard(generation.manifest, await readShape(files, staging));
  await writeFile(files, join(staging, cardName), Buffer.from(card));
  const cardDigest = (await digestFile(files, join(staging, cardName))) as Digest;
  const written = [...student, { path: cardName, ...cardDigest }].sort((a, b) => (a.path < b.path ? -1 : 1));
  const sums = written.map((file) => `${file.sha256}  ${file.path}\n`).join('');
  await writeFile(files, join(staging, sumsName), Buffer.from(sums));
  for (const directory of directories) await files.syncDirectory(directory);
  return written;
}

function requireFile(generation: Generation, student: readonly ManifestFile[], path: string): void {
  if (student.some((file) => file.path === path)) return;
  throw new RestillError(
    'GENERATION_DAMAGED',
    `generation ${generation.manifest.id} has no ${studentPrefix}${path}, which every server needs; ` +
      'export another one',
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

/** Null where there is no such file. */
async function readJson(files: Files, path: string): Promise<unknown> {
  const bytes = await readFile(files, path);
  try {
    return bytes && JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new RestillError('MODEL_DAMAGED', `the student's ${basename(path)} is not JSON`, { cause });
  }
}
