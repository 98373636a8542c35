// Reads the page's files once, at the start: its own from src/console/page (an installed package has them
// there too, beside dist/), the libraries' from where they are installed.
import { readdir, readFile } from 'node:fs/promises';
import { assert } from '../errors.ts';
import { libraries, libraryStyles, makePage, type Page } from './page.ts';

const own = new URL('../../src/console/page/', import.meta.url);
const ownFile = /\.(html|css|mjs|svg)$/;

export async function readPage(): Promise<Page> {
  const names = (await readdir(own)).filter((name) => ownFile.test(name)).sort();
  const files = await Promise.all([
    ...names.map(async (name) => [name, await readFile(new URL(name, own))] as const),
    ...[...libraries, ...libraryStyles].map(async ({ path, from }) => [path, await installed(from)] as const),
  ]);
  return makePage(new Map(files));
}

/** `preact/dist/preact.mjs` below the nearest node_modules that has it, as Node.js looks for packages. */
async function installed(from: string): Promise<Uint8Array> {
  for (let folder = new URL('./', import.meta.url); ; folder = new URL('../', folder)) {
    // Where it is not, the next folder up has it.
    const bytes = await readFile(new URL(`node_modules/${from}`, folder)).catch(() => null);
    if (bytes !== null) return bytes;
    assert(folder.pathname !== '/', `${from} is a dependency; \`npm ci\` installs it`);
  }
}
