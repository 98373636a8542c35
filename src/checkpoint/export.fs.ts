// A generation's student or teacher as a Hugging Face directory of its own.
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import type { ArtifactFile, Generation, ManifestFile } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { peftFiles } from '../tensor/peft.ts';
import { checkDigest } from './check-digest.ts';
import { copyFile, makeDirectories, makeSubdirectories, readFile, replaceFile } from './file-tree.fs.ts';
import { diskFiles, type Files, named } from './files.fs.ts';
import { modelCard, type StudentShape } from './model-card.ts';
import { addFile, type Exported, type ExportOptions, inNewDirectory } from './new-directory.fs.ts';
import { type TeacherLayout, teacherCard } from './teacher-card.ts';

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

/**
 * Copies `student/` of a generation to a new directory and adds a model card and SHA256SUMS, for
 * `sha256sum -c`. What is copied is checked against the manifest on the way.
 *
 * @param options.added files to write beside the generation's own, or in the place of one.
 * @throws GENERATION_DAMAGED, and what `inNewDirectory` throws.
 */
export function exportHuggingFace(
  generation: Generation,
  out: string,
  options: ExportOptions & { readonly added?: readonly ArtifactFile[] },
): Promise<Exported> {
  const { added = [] } = options;
  return exportContent(generation, out, options, {
    prefix: 'student/',
    required: ['config.json', 'model.safetensors', 'tokenizer.json'],
    instead: new Map(added.map(({ path, bytes }) => [path, bytes])),
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

/** Files that are in memory. Errors as in `inNewDirectory`. */
export function exportFiles(
  out: string,
  artifacts: readonly ArtifactFile[],
  options: ExportOptions,
): Promise<Exported> {
  return inNewDirectory(out, options, async (files, staging) => {
    const written: ManifestFile[] = [];
    for (const artifact of artifacts) written.push(await addFile(files, staging, artifact));
    return written;
  });
}

/** Writes a file that is not there yet; one that is stays as it is, whatever it says. */
export async function exportOnce(
  directory: string,
  { path, bytes }: ArtifactFile,
  disk: Files = diskFiles,
): Promise<void> {
  const files = named(disk);
  await makeDirectories(files, resolve(directory));
  if ((await readFile(files, join(directory, path))) === null)
    await replaceFile(files, directory, path, bytes);
}

function exportContent(
  generation: Generation,
  out: string,
  options: ExportOptions,
  content: Content,
): Promise<Exported> {
  return inNewDirectory(out, options, (files, staging) => writeExport(files, generation, content, staging));
}

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
  await makeSubdirectories(
    files,
    staging,
    copied.map((file) => file.path),
  );
  for (const file of copied) {
    const from = join(generation.directory, prefix, file.path);
    checkDigest(from, file, await copyFile(files, from, join(staging, file.path)));
  }
  const added: ManifestFile[] = [];
  for (const [path, bytes] of instead) {
    if (bytes !== null) added.push(await addFile(files, staging, { path, bytes }));
  }
  const text = Buffer.from(await card(files, staging));
  return [...copied, ...added, await addFile(files, staging, { path: cardName, bytes: text })];
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
