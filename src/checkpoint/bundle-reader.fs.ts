// A bundle read back: nothing in it is believed before it matches SHA256SUMS, and nothing else may be there
// (one more file can change how a server loads the rest).
import { join } from 'node:path';
import { RestillError } from '../errors.ts';
import { type Bundle, bundleName, decodeBundle, goldenName } from './bundle.ts';
import { digestFile, listTree, readFile } from './file-tree.fs.ts';
import { diskFiles, type Files, named } from './files.fs.ts';
import { decodeGolden, type GoldenVector } from './golden.ts';
import { sumsName } from './new-directory.fs.ts';

export interface OpenedBundle {
  readonly bundle: Bundle;
  readonly golden: readonly GoldenVector[];
  /** How many files have matched. */
  readonly files: number;
}

/**
 * @throws RestillError `VERIFY_FAILED` naming the file; `INPUT_UNREADABLE` for what is no bundle, naming the
 *   versions when they stand below it.
 */
export async function openBundle(directory: string, disk: Files = diskFiles): Promise<OpenedBundle> {
  const files = named(disk);
  await refuseVersions(files, directory);
  const sums = parseSums(await readText(files, directory, sumsName));
  const expected = new Set([sumsName, ...sums.keys()]);
  const found = await listTree(files, directory);
  for (const path of found) if (!expected.has(path)) throw failed(directory, path, `is not in ${sumsName}`);
  for (const [path, sha256] of sums) {
    const digest = await digestFile(files, join(directory, path));
    if (digest === null) throw failed(directory, path, 'is missing');
    if (digest.sha256 !== sha256) throw failed(directory, path, 'has changed since it was exported');
  }
  const golden = decodeGolden(await readText(files, directory, goldenName));
  return { bundle: decodeBundle(await readText(files, directory, bundleName)), golden, files: sums.size };
}

/**
 * Triton and TensorFlow Serving have the folder of a model with the versions below it, each a bundle. Which
 * of them is meant is not guessed: the newest may not be the one that serves.
 */
async function refuseVersions(files: Files, directory: string): Promise<void> {
  const entries = (await files.list(directory)) ?? [];
  if (entries.some(({ name }) => name === sumsName)) return;
  const numbers = entries
    .filter(({ name, kind }) => kind === 'directory' && /^[1-9]\d*$/.test(name))
    .map(({ name }) => Number(name))
    .sort((a, b) => a - b);
  const newest = numbers.at(-1);
  if (newest === undefined) return;
  throw new RestillError(
    'INPUT_UNREADABLE',
    `${directory} is the folder of a model with version${numbers.length > 1 ? 's' : ''} ` +
      `${numbers.slice(-10).join(', ')} in it; name one of them, such as ${join(directory, String(newest))}`,
  );
}

async function readText(files: Files, directory: string, name: string): Promise<string> {
  const bytes = await readFile(files, join(directory, name));
  if (bytes !== null) return Buffer.from(bytes).toString('utf8');
  throw new RestillError(
    'INPUT_UNREADABLE',
    `${directory} has no ${name}: it is no bundle of \`restill export\`, or an old one; export it again`,
  );
}

function parseSums(text: string): Map<string, string> {
  const lines = text.split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => {
      const [, sha256, path] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
      if (sha256 === undefined || path === undefined || path.split('/').includes('..'))
        throw new RestillError(
          'INPUT_UNREADABLE',
          `${sumsName} has a line that is none of its format: ${line}`,
        );
      return [path, sha256];
    }),
  );
}

const failed = (directory: string, path: string, what: string): RestillError =>
  new RestillError('VERIFY_FAILED', `${join(directory, path)} ${what}; export or copy the bundle again`);
