// A generation appears whole: staged beside the others, every byte durable, then one rename.
//
// Invariants:
// 1. A name `gNNNNNN` never stands for anything unfinished: it comes into being by renaming a durable
//    directory.
// 2. The manifest is written last, so a staged directory with a manifest has all its files.
// 3. Only a PendingGeneration can land; only `stage` makes one.
import { join } from 'node:path';
import type { ArtifactFile, Generation, Manifest } from '../contract.ts';
import { assert } from '../errors.ts';
import { makeSubdirectories, writeFile } from './file-tree.fs.ts';
import type { Files } from './files.fs.ts';
import { stagingName } from './generation.ts';
import { encodeManifest, manifestName } from './manifest.ts';

declare const durable: unique symbol;

/** Complete and durable, under a name that readers do not look at. */
export interface PendingGeneration {
  readonly manifest: Manifest;
  readonly staging: string;
  readonly [durable]: true;
}

/** @param store the directory that holds the generations. */
export async function stage(
  files: Files,
  store: string,
  manifest: Manifest,
  artifacts: readonly ArtifactFile[],
): Promise<PendingGeneration> {
  assert(artifacts.length === manifest.files.length, 'the manifest lists every file of the snapshot');
  const staging = join(store, stagingName(manifest.id));
  const isNew = await files.makeDirectory(staging);
  assert(isNew, `${staging} must have been cleared before it is used again`);
  const paths = artifacts.map((file) => file.path);
  const directories = await makeSubdirectories(files, staging, paths);
  for (const file of artifacts) await writeFile(files, join(staging, file.path), file.bytes);
  await writeFile(files, join(staging, manifestName), encodeManifest(manifest));
  for (const directory of directories) await files.syncDirectory(directory);
  return { manifest, staging } as PendingGeneration;
}

/** Afterwards the generation exists, also after a power loss. */
export async function land(files: Files, store: string, pending: PendingGeneration): Promise<Generation> {
  const directory = join(store, pending.manifest.id);
  await files.rename(pending.staging, directory);
  await files.syncDirectory(store);
  return { manifest: pending.manifest, directory };
}
