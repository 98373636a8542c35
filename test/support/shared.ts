// Finds test data that is never committed. Tests skip in one line where it is absent; CI fails instead.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = process.env.RESTILL_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));

/** Absolute path of a file of the shared test data, or null where it is absent. In CI absence is an error. */
export function sharedFile(path: string): string | null {
  const file = `${root}/${path}`;
  if (existsSync(file)) return file;
  const message = `test data ${path} is absent (set RESTILL_SHARED to the folder that holds it)`;
  if (process.env.CI) throw new Error(message);
  console.warn(`skipped: ${message}`);
  return null;
}
