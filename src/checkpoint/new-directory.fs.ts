// A directory that appears whole: written outside, every byte durable, and renamed in. Whoever watches the
// target sees nothing or all of it. SHA256SUMS in it covers all other files, and marks it as ours.
import { basename, dirname, join, resolve } from 'node:path';
import type { ArtifactFile, ManifestFile } from '../contract.ts';
import { RestillError } from '../errors.ts';
import {
  type Digest,
  digestFile,
  makeDirectories,
  makeSubdirectories,
  removeTree,
  writeFile,
} from './file-tree.fs.ts';
import { diskFiles, type Files, named } from './files.fs.ts';

export const sumsName = 'SHA256SUMS';

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
 * Makes `out` of what `write` puts into a directory beside it; with `SHA256SUMS`, for `sha256sum -c`, of the
 * files that it says it has written.
 *
 * Not guaranteed: that there is a target at every moment while `force` replaces one; a crash between the two
 * renames leaves the old one beside it as `.replaced-NAME`.
 *
 * @throws RestillError USAGE when something is at the target already, STORE_WRITE_FAILED, STORE_READ_FAILED.
 */
export async function inNewDirectory(
  out: string,
  options: ExportOptions,
  write: (files: Files, staging: string) => Promise<readonly ManifestFile[]>,
): Promise<Exported> {
  const files = named(options.files ?? diskFiles);
  const target = resolve(out);
  const parent = dirname(target);
  await refuseTaken(files, target, options.force);
  await makeDirectories(files, parent);
  const staging = join(parent, `.staging-${basename(target)}`);
  await removeTree(files, staging); // of an export that was killed
  try {
    await files.makeDirectory(staging);
    const written = [...(await write(files, staging))].sort((a, b) => (a.path < b.path ? -1 : 1));
    const sums = written.map((file) => `${file.sha256}  ${file.path}\n`).join('');
    await writeFile(files, join(staging, sumsName), Buffer.from(sums));
    const directories = await makeSubdirectories(
      files,
      staging,
      written.map((file) => file.path),
    );
    for (const directory of directories) await files.syncDirectory(directory);
    await moveIn(files, staging, target);
    return { directory: target, files: written };
  } catch (error) {
    await removeTree(files, staging).catch(() => {}); // if it cannot, the next export does it
    throw error;
  }
}

/** Writes a file into a directory that is being made, with the directories above it. */
export async function addFile(
  files: Files,
  staging: string,
  { path, bytes }: ArtifactFile,
): Promise<ManifestFile> {
  await makeSubdirectories(files, staging, [path]);
  await writeFile(files, join(staging, path), bytes);
  return { path, ...((await digestFile(files, join(staging, path))) as Digest) };
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
